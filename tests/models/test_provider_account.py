from __future__ import annotations

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django import Settings

from chat.generation.accounts import account_of
from chat.models import Assistant, ModelListing, ProviderAccount
from chat.models.provider_account import InUse
from chat.models.sealing import NoKey, renew_key, rotation, seal

KEY = "sk-0123456789abcdef"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def key_file(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "secrets_key"


def make(slug: str = "ours") -> ProviderAccount:
    account = ProviderAccount(name=slug.title(), slug=slug, kind="openai")
    account.set_key(KEY)
    account.set_headers({"X-Team": "herons-4711"})
    account.save()
    return account


@pytest.mark.parametrize("stored", ["not JSON", "[]", '{"X-Team": 1}'])
def test_damaged_headers_are_like_a_missing_key(stored: str) -> None:
    account = make()
    account.sealed_headers = seal(stored)
    account.save()

    with pytest.raises(NoKey, match="ours are damaged: enter them again"):
        _ = ProviderAccount.objects.get().headers
    assert account_of(ProviderAccount.objects.get()) is None


def test_secrets_are_only_stored_encrypted() -> None:
    make()

    account = ProviderAccount.objects.get()
    assert (account.api_key, account.headers) == (KEY, {"X-Team": "herons-4711"})
    assert account.header_names == ["X-Team"]
    assert account.key_set_at is not None
    stored = repr(ProviderAccount.objects.values().get())
    assert KEY not in stored
    assert "herons" not in stored


def test_exports_contain_secrets_only_encrypted() -> None:
    make()
    out = io.StringIO()
    call_command("dumpdata", "chat.provideraccount", stdout=out)
    assert KEY not in out.getvalue()
    assert "herons" not in out.getvalue()
    (row,) = json.loads(out.getvalue())
    ProviderAccount.objects.all().delete()
    account = ProviderAccount.objects.create(**row["fields"])
    assert account.api_key == KEY


def test_removing_them_leaves_nothing() -> None:
    account = make()
    account.set_key("")
    account.set_headers({})
    assert (account.sealed_key, account.sealed_headers, account.key_set_at, account.header_names) == ("", "", None, [])
    assert (account.api_key, account.headers) == ("", {})


def test_an_account_with_assistants_is_not_deleted() -> None:
    account = make()
    Assistant.objects.create(name="Tutor", slug="tutor", provider="ours", model="m")
    with pytest.raises(InUse):
        account.delete()
    assert ProviderAccount.objects.exists()


def test_deleting_an_account_hides_its_automatic_assistants() -> None:
    account = make()
    Assistant.objects.create(name="m", slug="m", provider="ours", model="m", is_detected=True)
    ModelListing.objects.create(provider="ours", listed=[{"name": "m"}])
    account.delete()
    assert not Assistant.objects.get().is_available
    assert not ModelListing.objects.exists()


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_secrets", stdout=out)
    return out.getvalue()


def test_rotating_encrypts_everything_with_a_new_key(key_file: Path) -> None:
    make("ours")
    make("theirs")
    ProviderAccount.objects.create(name="Open", slug="open", kind="ollama")
    changed = list(ProviderAccount.objects.values_list("changed_at", flat=True))

    assert "2 provider accounts" in rotate()

    key_file.write_text(key_file.read_text().split(",")[0])
    assert [each.api_key for each in ProviderAccount.objects.order_by("slug")] == ["", KEY, KEY]
    assert list(ProviderAccount.objects.values_list("changed_at", flat=True)) == changed


def test_rotating_with_a_setting_uses_its_first_key(settings: Settings, key_file: Path) -> None:
    settings.CHAT_SECRETS_KEY = ["o" * 32]
    make()
    settings.CHAT_SECRETS_KEY = ["n" * 32, "o" * 32]
    assert "first key of CHAT_SECRETS_KEY" in rotate()
    settings.CHAT_SECRETS_KEY = ["n" * 32]
    assert ProviderAccount.objects.get().api_key == KEY
    assert not key_file.exists()


def test_rotating_without_the_key_changes_nothing(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = ["o" * 32]
    before = make().sealed_key
    settings.CHAT_SECRETS_KEY = ["n" * 32]
    with pytest.raises(CommandError, match="encrypted with another key"):
        rotate()
    account = ProviderAccount.objects.get()
    assert account.sealed_key == before
    with pytest.raises(NoKey):
        _ = account.api_key


def test_rotation_skips_unreadable_accounts_and_keeps_other_keys(key_file: Path) -> None:
    make("bad")
    make("good")
    ProviderAccount.objects.filter(slug="bad").update(sealed_key="nonsense")
    keys = key_file.read_text()

    for _ in range(3):
        with pytest.raises(CommandError, match=r"1 cannot be read .* bad: It was encrypted with another key"):
            rotate()
        assert ProviderAccount.objects.get(slug="good").api_key == KEY

    assert key_file.read_text().endswith(f",{keys}")
    ProviderAccount.objects.get(slug="bad").delete()
    key_file.write_text(key_file.read_text().split(",")[0])
    assert ProviderAccount.objects.get(slug="good").api_key == KEY


def test_interrupted_rotations_lose_nothing(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    with monkeypatch.context() as broken:
        broken.setattr(ProviderAccount.objects.all().__class__, "reseal", interrupted)
        for _ in range(3):
            with pytest.raises(OperationalError):
                rotate()
    assert ProviderAccount.objects.get().api_key == KEY
    assert len(key_file.read_text().split(",")) == 4

    rotate()
    # The previous key stays, for accounts that are being saved right now.
    assert len(key_file.read_text().split(",")) == 2
    key_file.write_text(key_file.read_text().split(",")[0])
    assert ProviderAccount.objects.get().api_key == KEY


def interrupted(_: object) -> None:
    raise OperationalError("locked")


def test_a_secret_saved_after_a_rotation_is_readable(key_file: Path) -> None:
    account = make()
    rotate()
    account.save()
    assert ProviderAccount.objects.get().api_key == KEY
    rotate()
    assert ProviderAccount.objects.get().api_key == KEY


def test_a_second_rotation_waits_for_the_first(key_file: Path) -> None:
    make()
    before = key_file.read_text()
    with ThreadPoolExecutor(1) as others:
        with rotation():
            waiting = others.submit(renewed)
            time.sleep(0.2)
            assert key_file.read_text() == before
        waiting.result()
    assert key_file.read_text().endswith(f",{before}")


def renewed() -> None:
    with rotation():
        renew_key()
