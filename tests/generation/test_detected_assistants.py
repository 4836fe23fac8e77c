from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from chat import database
from chat.generation.bootstrap import build
from chat.generation.detected_assistants import Looking, connect, show_detected
from chat.models import Assistant, User
from chat.providers.base import ProviderUnavailable
from chat.providers.detected import Detected
from chat.providers.kinds import SiteSettings
from chat.providers.openai.detection import DEFAULT_MODEL as DEFAULT_OPENAI_MODEL
from chatsite.environment import Problem
from tests.fake_openai import FakeOpenAI
from tests.fake_openai.server import closed_port
from tests.providers.contract import answer, ask
from tests.providers.http.test_transport import BAD_ADDRESSES, BAD_KEYS
from tests.providers.raw_server import RawServer, response
from tests.settings_read import setting

pytestmark = pytest.mark.django_db

OLLAMA = Detected("ollama", ("llama3.2:3b", "qwen3:8b"), "qwen3:8b", is_guess=True)
NO_OLLAMA = Detected(
    "ollama", (), "", "It does not answer.", ProviderUnavailable("It does not answer."), is_guess=True
)
UNKNOWN = Detected("openai", (), "", "It does not list its models.", ProviderUnavailable("It does not answer."))


def openai(*models: str) -> Detected:
    return Detected("openai", models, models[0])


def show(*found: Detected) -> frozenset[str]:
    return show_detected(found)


def default() -> str:
    model: str = Assistant.objects.get(is_default=True).model
    return model


def usable(user: User) -> list[str]:
    return [assistant.slug for assistant in Assistant.objects.usable_by(user)]


def test_each_detected_model_gets_an_assistant_default_first(alice: User) -> None:
    assert show(OLLAMA) == {"ollama"}
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]


def test_without_any_server_the_demo_is_used_until_there_is_one(alice: User) -> None:
    assert show() == {"demo"}
    assert show(NO_OLLAMA) == {"demo"}
    assert usable(alice) == ["demo"]
    assert show(OLLAMA) == {"ollama"}
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]


def test_an_unresponsive_ollama_keeps_its_assistants(alice: User) -> None:
    show(OLLAMA)
    assert show(NO_OLLAMA) == {"ollama"}
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]
    assert not Assistant.objects.filter(provider="demo").exists()


def test_removed_models_are_hidden_until_they_come_back(alice: User) -> None:
    show(openai("a", "b"))
    show(openai("b", "c"))
    assert usable(alice) == ["b", "c"]
    show(openai("a", "b"))
    assert sorted(usable(alice)) == ["a", "b"]
    assert Assistant.objects.count() == 3


def test_a_server_no_longer_configured_loses_its_assistants(alice: User) -> None:
    show(openai("a"), OLLAMA)
    assert usable(alice) == ["a", "llama3-2-3b", "qwen3-8b"]
    show(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]


def test_assistants_hidden_by_an_administrator_stay_hidden(alice: User) -> None:
    show(OLLAMA)
    Assistant.objects.filter(slug="qwen3-8b").update(is_active=False)
    show(OLLAMA)
    assert usable(alice) == ["llama3-2-3b"]


def test_an_administrators_assistant_replaces_the_detected_one(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="demo", model="demo")
    show()
    assert usable(alice) == ["mine"]


def test_two_models_with_similar_names_get_two_assistants(alice: User) -> None:
    show(openai("a.b", "a-b", "a:b"))
    assert sorted(usable(alice)) == ["a-b", "a-b-2", "a-b-3"]


def test_last_known_models_stay_while_none_are_listed(alice: User) -> None:
    show(openai("a", "b"))
    show(UNKNOWN)
    assert usable(alice) == ["a", "b"]
    show(openai("b", "c"))
    assert usable(alice) == ["b", "c"]


def test_many_last_known_models_all_stay(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="openai", model="mine", is_default=True)
    show(openai(*(f"m{number}" for number in range(40))))
    before = usable(alice)
    show(UNKNOWN)
    assert usable(alice) == before
    assert len(before) == 31


def test_a_configured_server_never_reached_has_no_assistants(alice: User) -> None:
    show()
    assert show(UNKNOWN, NO_OLLAMA) == frozenset()
    assert usable(alice) == []
    show(openai("a"))
    assert usable(alice) == ["a"]
    assert not Assistant.objects.filter(model=DEFAULT_OPENAI_MODEL).exists()


def test_an_administrators_assistant_is_enough_without_a_listing(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="openai", model="mine")
    show(UNKNOWN)
    assert usable(alice) == ["mine"]


class TestDefault:
    """The default is what is found first, until an administrator chooses."""

    def choose(self, slug: str) -> None:
        chosen = Assistant.objects.get(slug=slug)
        chosen.is_default = True
        chosen.save()

    def test_a_default_of_an_administrator_stays(self, alice: User) -> None:
        show(OLLAMA)
        self.choose("llama3-2-3b")
        show(OLLAMA)
        assert usable(alice) == ["llama3-2-3b", "qwen3-8b"]

    @pytest.mark.parametrize(
        "listed", [openai("a", "c"), UNKNOWN, openai("c")], ids=["without it", "silent", "another"]
    )
    def test_a_default_of_an_administrator_stays_while_unlisted(self, alice: User, listed: Detected) -> None:
        show(openai("a", "b"))
        self.choose("b")
        show(listed)
        show(NO_OLLAMA, listed)
        assert default() == "b"
        show(openai("a", "b", "c"))
        assert usable(alice) == ["b", "a", "c"]

    def test_an_automatic_default_is_replaced_only_if_not_chosen(self, alice: User) -> None:
        show(openai("b", "a"))
        self.choose("a")
        self.choose("b")
        show(openai("a"))
        assert default() == "b"

    def test_a_removed_default_is_replaced(self, alice: User) -> None:
        show(openai("b", "a"))
        assert default() == "b"
        show(openai("c", "a"))
        assert default() == "c"

    def test_the_default_stays_while_it_is_listed(self, alice: User) -> None:
        show(openai("b"))
        show(openai("a", "b"))
        assert default() == "b"
        show(UNKNOWN, OLLAMA)
        assert default() == "b"

    def test_the_configured_server_takes_precedence_over_ollama(self, alice: User) -> None:
        show(UNKNOWN, OLLAMA)
        assert default() == "qwen3:8b"
        show(openai("a"), OLLAMA)
        assert default() == "a"
        assert usable(alice) == ["a", "llama3-2-3b", "qwen3-8b"]

    def test_without_a_default_the_configured_server_comes_first(self, alice: User) -> None:
        show(openai("a", "b"))
        self.choose("b")
        show(openai("z", "y"), OLLAMA)
        assert usable(alice) == ["y", "z", "llama3-2-3b", "qwen3-8b"]

    def test_the_demo_does_not_count_as_a_choice(self, alice: User) -> None:
        show()
        show(openai("a"))
        assert default() == "a"


async def connected(configured: SiteSettings) -> None:
    providers, watch, _ = await connect(configured)
    await watch.close()
    await providers.close()


class TestConnecting:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def names(self) -> list[str]:
        return await database.read(
            lambda: sorted(Assistant.objects.filter(is_available=True).values_list("model", flat=True))
        )

    @pytest.mark.parametrize("base_url", BAD_ADDRESSES, ids=ascii)
    async def test_the_site_starts_with_any_address(self, base_url: str, caplog: pytest.LogCaptureFixture) -> None:
        await connected(SiteSettings(OPENAI_BASE_URL=base_url, OPENAI_API_KEY="hunter2-0123"))

        assert await self.names() == []
        assert "providers: OPENAI_BASE_URL does not list its models" in caplog.text
        assert "hunter2" not in caplog.text
        assert ":pass" not in caplog.text

    @pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
    async def test_the_site_starts_with_any_key(self, key: str, caplog: pytest.LogCaptureFixture) -> None:
        address = f"http://127.0.0.1:{closed_port()}/v1"
        await connected(SiteSettings(OPENAI_BASE_URL=address, OPENAI_API_KEY=key))

        assert await self.names() == []
        assert "providers: OPENAI_BASE_URL does not list its models" in caplog.text
        assert key not in caplog.text

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"null",
            b"[]",
            b'{"data": 7}',
            b'{"data": [{"id": "%s"}]}' % (b"x" * 10_000),
            b"\xff",
            b"[" * 9999,
        ],
        ids=lambda body: str(body)[:20],
    )
    async def test_the_site_starts_with_any_listing(self, body: bytes) -> None:
        async with RawServer(lambda _: [response(body)]) as server:
            await connected(SiteSettings(OPENAI_BASE_URL=server.base_url))

        assert await self.names() == []

    async def test_the_site_starts_with_fifty_thousand_models(self) -> None:
        body = json.dumps({"data": [{"id": f"m{number:05}"} for number in range(50_000)]}).encode()
        async with RawServer(lambda _: [response(body)]) as server:
            await connected(SiteSettings(OPENAI_BASE_URL=server.base_url))

        assert await self.names() == [f"m{number:05}" for number in range(30)]

    async def test_an_overlong_model_name_affects_only_that_model(self) -> None:
        """The name is set by hand, because listings drop names this long."""
        await connected(SiteSettings(OPENAI_MODEL="m" * 10_000, OPENAI_API_KEY="k"))

        assert len(await self.names()) <= 1

    async def test_a_server_started_later_is_found(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        port = closed_port()
        providers, watch, _ = await connect(SiteSettings(OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1"))
        assert await self.names() == []
        assert [(problem.provider, problem.is_silent) for problem in watch.problems] == [("openai", True)]
        async with FakeOpenAI(port=port, models=("late",)), asyncio.timeout(30):
            while watch.problems:
                await watch.ask(seconds=5)
                await asyncio.sleep(0.05)
        assert await self.names() == ["late"]
        assert caplog.text.count("does not list") == 1
        assert "providers: openai is available again" in caplog.text
        await watch.close()
        await providers.close()

    async def test_a_server_that_goes_away_keeps_its_models_and_is_logged_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        looking = Looking(SiteSettings(OPENAI_BASE_URL=f"http://127.0.0.1:{closed_port()}/v1"))
        await database.write(show_detected, [openai("a")])

        outlooks = [await looking.look(False) for _ in range(3)]

        assert await self.names() == ["a"]
        assert [(outlook.is_urgent, outlook.is_settled) for outlook in outlooks] == [(True, True)] * 3
        assert caplog.text.count("does not list") == 1

    async def test_an_ollama_never_seen_is_not_a_problem(self, caplog: pytest.LogCaptureFixture) -> None:
        looking = Looking(SiteSettings(OLLAMA_URL=f"http://127.0.0.1:{closed_port()}"))

        outlook = await looking.look(False)

        assert (outlook.problems, outlook.is_settled) == ((), False)
        assert await self.names() == ["demo"]
        assert caplog.records == []

    async def test_a_missing_ollama_is_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        await database.write(show_detected, [OLLAMA])
        looking = Looking(SiteSettings(OLLAMA_URL=f"http://127.0.0.1:{closed_port()}"))

        outlook = await looking.look(False)

        assert [problem.provider for problem in outlook.problems] == ["ollama"]
        assert (outlook.is_urgent, outlook.is_settled) == (True, True)
        assert "providers: OLLAMA_URL: Ollama is not responding." in caplog.text

    async def test_a_missing_ollama_is_not_urgent_beside_another_server(self) -> None:
        await database.write(show_detected, [openai("a"), OLLAMA])
        async with FakeOpenAI(models=("a",)) as server:
            nobody = f"http://127.0.0.1:{closed_port()}"
            outlook = await Looking(SiteSettings(OPENAI_BASE_URL=server.base_url, OLLAMA_URL=nobody)).look(False)

        assert [(problem.provider, problem.is_silent) for problem in outlook.problems] == [("ollama", True)]
        assert (outlook.is_urgent, outlook.is_settled) == (False, True)
        assert await self.names() == ["a", "llama3.2:3b", "qwen3:8b"]

    async def test_unchanged_listings_are_not_written_again(self) -> None:
        async with FakeOpenAI(models=("a",)) as server:
            looking = Looking(SiteSettings(OPENAI_BASE_URL=server.base_url))
            await looking.look(False)
            await database.write(lambda: Assistant.objects.update(is_available=False))
            assert (await looking.look(False)).is_settled
            assert await self.names() == []
            server.models = ("a", "b")
            await looking.look(False)
            assert await self.names() == ["a", "b"]

    async def test_a_failed_answer_triggers_detection(self) -> None:
        port = closed_port()
        configured = SiteSettings(OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1", OPENAI_MODEL="m")
        providers, watch, _ = await connect(configured)
        assert watch.problems == ()
        with pytest.raises(ProviderUnavailable):
            await answer(providers["openai"], ask("Hello"))
        async with asyncio.timeout(30):
            while not watch.problems:
                await watch.ask(seconds=5)
                await asyncio.sleep(0.05)
        async with FakeOpenAI(port=port, models=("other",)), asyncio.timeout(30):
            while watch.problems:
                await watch.ask(seconds=5)
                await asyncio.sleep(0.05)
        assert await self.names() == ["m"]
        await watch.close()
        await providers.close()

    @pytest.mark.parametrize(
        ("changed", "models"),
        [
            ({"OPENAI_BASE_URL": "http://bob:hunter2@127.0.0.1:9/v1"}, []),
            ({"OPENAI_BASE_URL": "http://host:99999"}, []),
            ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "schlüssel"}, []),
            ({"OPENAI_API_KEY": "a\nb", "OPENAI_MODEL": "m"}, ["m"]),
            ({"OLLAMA_URL": "http://host:abc"}, ["demo"]),
        ],
        ids=str,
    )
    async def test_the_engine_starts_with_any_settings(
        self, settings: Settings, changed: dict[str, Any], models: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        for name, value in changed.items():
            setattr(settings, name, value)
        settings.SETTING_PROBLEMS = [Problem("OPENAI_API_KEY", "OPENAI_API_KEY is no key.", "Copy it again.")]
        chat = await build()
        try:
            assert await chat.log.runs_of(1) == []
            assert await self.names() == models
        finally:
            await chat.close()
        assert "settings: OPENAI_API_KEY is no key. Copy it again." in caplog.text
        assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("variables", "url"),
    [({}, "http://127.0.0.1:11434"), ({"OLLAMA_URL": ""}, "http://127.0.0.1:11434"), ({"OLLAMA_URL": "off"}, "")],
    ids=str,
)
def test_ollama_is_detected_unless_disabled(tmp_path: Path, variables: dict[str, str], url: str) -> None:
    assert setting("OLLAMA_URL", tmp_path, CHAT_ENV_FILE="", **variables) == url
