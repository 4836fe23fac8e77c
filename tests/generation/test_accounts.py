"""Provider accounts in a running site: every process uses changes without a restart, and a bad one harms no other."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from pytest_django import Settings

from chat import database
from chat.generation.accounts import Accounts, look_now
from chat.generation.bootstrap import build
from chat.generation.detected_assistants import Looking
from chat.models import Assistant, ModelListing, ProviderAccount
from chat.models.sealing import seal
from chat.providers.base import Finish
from chat.providers.kinds import SiteSettings
from chat.providers.registry import Registry
from tests.fake_openai import FakeOpenAI
from tests.providers.contract import answer, ask

KEY = "sk-0123456789abcdef"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_key(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = ["o" * 32]
    settings.OLLAMA_URL = ""


def make(slug: str, base_url: str, **fields: object) -> ProviderAccount:
    account = ProviderAccount(**{"name": slug, "slug": slug, "kind": "openai", "base_url": base_url} | fields)
    account.set_key(KEY)
    account.save()
    return account


def models_of(provider: str) -> list[str]:
    shown = Assistant.objects.filter(provider=provider, is_available=True)
    return sorted(shown.values_list("model", flat=True))


async def test_several_accounts_of_a_kind_answer_side_by_side() -> None:
    async with FakeOpenAI(models=("a",)) as one, FakeOpenAI(models=("b",)) as two:
        await database.write(make, "one", one.base_url)
        await database.write(make, "two", two.base_url)
        chat = await build()
        try:
            assert {*chat.providers} >= {"openai", "one", "two"}
            for name, server in (("one", one), ("two", two)):
                assert (await answer(chat.providers[name], ask("hello")))[-1] == Finish("stop")
                assert server.journal.exchanges[-1].headers["authorization"] == f"Bearer {KEY}"
            assert await database.read(models_of, "one") == ["a"]
            assert await database.read(models_of, "two") == ["b"]
            assert not await database.read(Assistant.objects.filter(provider="demo").exists)
        finally:
            await chat.close()


async def test_a_running_site_picks_up_account_changes() -> None:
    chat = await build()
    try:
        async with FakeOpenAI(models=("a",)) as one, FakeOpenAI(models=("b",)) as two, asyncio.timeout(60):
            account = await database.write(make, "ours", one.base_url)
            await until(chat.providers, "ours", models=["a"])
            assert (await answer(chat.providers["ours"], ask("hello")))[-1] == Finish("stop")
            account.base_url = two.base_url
            await database.write(account.save)
            await until(chat.providers, "ours", models=["b"])
            assert (await answer(chat.providers["ours"], ask("hello")))[-1] == Finish("stop")
            assert len(two.journal.exchanges) >= 1
            await database.write(account.delete)
            while "ours" in chat.providers:
                look_now()
                await asyncio.sleep(0.05)
            assert await database.read(models_of, "ours") == []
            # No connection stays open to the server that was replaced.
            await one.journal.wait(lambda journal: journal.open_connections == 0)
    finally:
        await chat.close()


async def until(providers: Registry, name: str, *, models: list[str]) -> None:
    look_now()
    while name not in providers or await database.read(models_of, name) != models:
        await asyncio.sleep(0.05)


async def test_a_change_by_another_process_is_found_by_polling() -> None:
    providers, changed = Registry({}), asyncio.Event()
    accounts = Accounts(providers, changed=changed.set, seconds=0.01)
    accounts.start()
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    async with asyncio.timeout(30):
        await changed.wait()
    assert list(providers) == ["ours"]
    await accounts.close()


async def test_a_failing_database_does_not_stop_polling(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing = iter([OperationalError("locked"), ValueError("a bug")])
    original = CursorWrapper.execute

    def execute(self: CursorWrapper, sql: str, *rest: Any) -> Any:
        if "chat_provideraccount" in sql and sql.startswith("SELECT") and (error := next(failing, None)):
            raise error
        return original(self, sql, *rest)

    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    monkeypatch.setattr(CursorWrapper, "execute", execute)
    providers, changed = Registry({}), asyncio.Event()
    accounts = Accounts(providers, changed=changed.set, seconds=0.01)
    accounts.start()
    async with asyncio.timeout(30):
        await changed.wait()
    await accounts.close()
    assert list(providers) == ["ours"]
    assert caplog.text.count("looking for changed accounts failed, retrying") == 2


async def test_a_disabled_account_is_ignored() -> None:
    await database.write(make, "ours", "http://127.0.0.1:9/v1", is_active=False)
    providers = Registry({})
    await Accounts(providers).look()
    assert list(providers) == []


async def test_nothing_is_replaced_while_nothing_changes() -> None:
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    providers = Registry({})
    accounts = Accounts(providers)
    assert await accounts.look()
    before = providers["ours"]
    assert not await accounts.look()
    assert providers["ours"] is before


async def test_polling_without_changes_is_one_small_query(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(Registry({}))
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    await accounts.look()
    executed: list[str] = []
    original = CursorWrapper.execute
    monkeypatch.setattr(
        CursorWrapper, "execute", lambda self, sql, *rest: (executed.append(sql), original(self, sql, *rest))[1]
    )
    await accounts.look()
    reads = [sql for sql in executed if sql.startswith("SELECT")]
    assert len(reads) == 1
    assert "sealed" not in reads[0]


@pytest.mark.parametrize("fields", [{"kind": "unheard-of"}, {"slug": "demo"}], ids=str)
async def test_an_unusable_account_is_skipped_and_reported(
    fields: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    await database.write(lambda: make(**{"slug": "ours", "base_url": ""} | fields))
    await database.write(make, "good", "http://127.0.0.1:9/v1")
    providers = Registry({})
    await Accounts(providers).look()
    assert list(providers) == ["good"]
    assert "unknown kind, or the name of a kind" in caplog.text


async def test_an_account_with_a_lost_key_is_skipped_without_quoting_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    account = await database.write(make, "ours", "http://127.0.0.1:9/v1")
    settings.CHAT_SECRETS_KEY = ["n" * 32]
    providers = Registry({})
    await Accounts(providers).look()
    assert list(providers) == []
    assert "the key of the account ours cannot be read" in caplog.text
    assert KEY not in caplog.text
    assert account.sealed_key not in caplog.text


async def test_a_key_that_becomes_readable_is_used(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    settings.CHAT_SECRETS_KEY = ["n" * 32]
    await database.write(make, "others", "http://127.0.0.1:9/v1")
    providers = Registry({})
    accounts = Accounts(providers)
    assert [await accounts.look() for _ in range(3)] == [True, False, False]
    assert list(providers) == ["others"]
    assert caplog.text.count("the key of the account ours cannot be read") == 1
    before = providers["others"]

    settings.CHAT_SECRETS_KEY = ["o" * 32]

    assert [await accounts.look() for _ in range(2)] == [True, False]
    assert list(providers) == ["others", "ours"]
    # The other account was not loaded again.
    assert providers["others"] is before


@pytest.mark.parametrize("broken", [b"\xff\xfe\x00abc", b""], ids=["binary", "empty"])
async def test_a_broken_key_file_does_not_take_the_site_down(
    broken: bytes, settings: Settings, tmp_path: Path
) -> None:
    settings.CHAT_SECRETS_KEY, settings.DATA_DIR = [], tmp_path
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    (tmp_path / "secrets_key").write_bytes(broken)
    chat = await build()
    try:
        assert "ours" not in chat.providers
        assert "demo" in chat.providers
    finally:
        await chat.close()


async def test_damaged_headers_do_not_affect_other_providers(caplog: pytest.LogCaptureFixture) -> None:
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    bad = await database.write(make, "bad", "http://127.0.0.1:9/v1")
    await database.write(ProviderAccount.objects.filter(pk=bad.pk).update, sealed_headers=seal("no JSON"))
    providers = Registry({})
    accounts = Accounts(providers)
    assert [await accounts.look() for _ in range(2)] == [True, False]
    assert list(providers) == ["ours"]
    assert caplog.text.count("The headers of the provider account bad are damaged") == 1
    # Its decrypted headers are not logged.
    assert "no JSON" not in caplog.text


async def test_a_failing_row_does_not_affect_other_providers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def headers(row: ProviderAccount) -> dict[str, str]:
        if row.slug == "bad":
            raise RuntimeError("a secret")
        return {}

    monkeypatch.setattr(ProviderAccount, "headers", property(headers))
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    await database.write(make, "bad", "http://127.0.0.1:9/v1")
    providers = Registry({})
    accounts = Accounts(providers)
    assert [await accounts.look() for _ in range(2)] == [True, False]
    assert list(providers) == ["ours"]
    assert caplog.text.count("the account bad cannot be used: RuntimeError") == 1
    assert "a secret" not in caplog.text


async def test_failed_changes_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    await database.write(make, "ours", "http://127.0.0.1:9/v1")
    providers = Registry({})
    accounts = Accounts(providers)
    with monkeypatch.context() as broken:
        broken.setattr(providers, "replace", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await accounts.look()
    assert await accounts.look()
    assert list(providers) == ["ours"]


async def test_the_key_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FakeOpenAI(models=("a",)) as server:
        await database.write(make, "good", server.base_url)
        await database.write(make, "bad", "http://no-such-host.invalid/v1")
        chat = await build()
        await answer(chat.providers["good"], ask("hello"))
        await chat.close()
    assert "bad does not list its models" in caplog.text
    assert KEY not in caplog.text


async def look(*, slug: str = "ours", **fields: object) -> None:
    accounts = Accounts(Registry({}))
    async with FakeOpenAI(models=("a", "b")) as server:
        await database.write(lambda: make(slug, server.base_url, **fields))
        await accounts.look()
        await Looking(SiteSettings(), accounts).look(False)


async def test_a_recreated_account_gets_its_assistants_back() -> None:
    accounts = Accounts(Registry({}))
    looking = Looking(SiteSettings(), accounts)
    async with FakeOpenAI(models=("a", "b")) as server:
        for _ in range(2):
            account = await database.write(make, "ours", server.base_url)
            await accounts.look()
            await looking.look(False)
            assert await database.read(models_of, "ours") == ["a", "b"]
            # It is created again before the next look.
            await database.write(account.delete)


async def test_listed_models_are_stored_for_the_admin() -> None:
    await look()
    listing = await database.read(ModelListing.objects.get)
    assert (listing.provider, [each["name"] for each in listing.listed]) == ("ours", ["a", "b"])
    assert await database.read(models_of, "ours") == ["a", "b"]


async def test_an_account_without_automatic_assistants_only_lists_models() -> None:
    await look(makes_assistants=False)
    assert await database.read(ModelListing.objects.exists)
    assert await database.read(models_of, "ours") == []
    # The site still needs an assistant, so the demo stays.
    assert await database.read(models_of, "demo") == ["demo"]
