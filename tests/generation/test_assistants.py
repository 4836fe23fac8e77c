from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from pytest_django import Settings

from chat import database
from chat.generation.assistants import connect, show_detected
from chat.generation.engine import _build
from chat.models import Assistant, User
from chat.providers.catalogue import DEFAULT_OPENAI_MODEL, Detected, ProviderSettings
from chatsite.environment import Problem
from tests.fake_openai import FakeOpenAI
from tests.fake_openai.server import closed_port
from tests.providers.raw_server import RawServer, response
from tests.providers.test_transport import BAD_ADDRESSES, BAD_KEYS

pytestmark = pytest.mark.django_db

DEMO = Detected("demo", ("demo",), "demo")
OLLAMA = Detected("ollama", ("llama3.2:3b", "qwen3:8b"), "qwen3:8b")


def usable(user: User) -> list[str]:
    return [assistant.slug for assistant in Assistant.objects.usable_by(user)]


def test_each_model_that_is_found_is_an_assistant_and_the_default_comes_first(alice: User) -> None:
    show_detected(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]


def test_models_that_are_gone_are_hidden_and_come_back(alice: User) -> None:
    show_detected(DEMO)
    show_detected(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]
    show_detected(DEMO)
    assert usable(alice) == ["demo"]
    show_detected(OLLAMA)
    assert usable(alice) == ["qwen3-8b", "llama3-2-3b"]
    assert Assistant.objects.count() == 3


def test_what_an_administrator_has_hidden_stays_hidden(alice: User) -> None:
    show_detected(OLLAMA)
    Assistant.objects.filter(slug="qwen3-8b").update(is_active=False)
    show_detected(OLLAMA)
    assert usable(alice) == ["llama3-2-3b"]


def test_an_administrators_default_stays(alice: User) -> None:
    show_detected(OLLAMA)
    chosen = Assistant.objects.get(slug="llama3-2-3b")
    chosen.is_default = True
    chosen.save()
    show_detected(OLLAMA)
    assert usable(alice) == ["llama3-2-3b", "qwen3-8b"]


def test_an_administrators_own_assistant_stands_for_its_model(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="demo", model="demo")
    show_detected(DEMO)
    assert usable(alice) == ["mine"]


def test_two_models_with_like_names_are_two_assistants(alice: User) -> None:
    show_detected(Detected("openai", ("a.b", "a-b", "a:b"), "a.b"))
    assert sorted(usable(alice)) == ["a-b", "a-b-2", "a-b-3"]


UNKNOWN = Detected("openai", (), "", "It does not list its models.")


def test_where_the_models_are_not_listed_those_that_were_last_known_stay(alice: User) -> None:
    show_detected(Detected("openai", ("a", "b"), "a"))
    show_detected(UNKNOWN)
    assert usable(alice) == ["a", "b"]
    show_detected(Detected("openai", ("b", "c"), "b"))
    assert usable(alice) == ["b", "c"]


def test_all_of_many_that_were_last_known_stay(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="openai", model="mine", is_default=True)
    show_detected(Detected("openai", tuple(f"m{number}" for number in range(40)), "m0"))
    before = usable(alice)
    show_detected(UNKNOWN)
    assert usable(alice) == before
    assert len(before) == 31


def test_where_no_model_was_ever_known_the_demo_stands_in_until_one_is(alice: User) -> None:
    show_detected(UNKNOWN)
    assert usable(alice) == ["demo"]
    show_detected(Detected("openai", ("a",), "a"))
    assert usable(alice) == ["a"]
    assert not Assistant.objects.filter(model=DEFAULT_OPENAI_MODEL).exists()


def test_an_administrators_assistant_of_a_server_that_does_not_list_is_enough(alice: User) -> None:
    Assistant.objects.create(name="Mine", slug="mine", provider="openai", model="mine")
    show_detected(UNKNOWN)
    assert usable(alice) == ["mine"]


class TestConnecting:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def names(self) -> list[str]:
        return await database.read(
            lambda: sorted(Assistant.objects.filter(is_available=True).values_list("model", flat=True))
        )

    @pytest.mark.parametrize("base_url", BAD_ADDRESSES, ids=ascii)
    async def test_it_comes_up_with_any_address(self, base_url: str, caplog: pytest.LogCaptureFixture) -> None:
        providers = await connect(ProviderSettings(openai_base_url=base_url, openai_api_key="hunter2-0123"))
        await providers.close()

        assert await self.names() == ["demo"]
        assert "providers: OPENAI_BASE_URL does not list its models" in caplog.text
        assert "hunter2" not in caplog.text
        assert ":pass" not in caplog.text

    @pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
    async def test_it_comes_up_with_any_key(self, key: str, caplog: pytest.LogCaptureFixture) -> None:
        address = f"http://127.0.0.1:{closed_port()}/v1"
        providers = await connect(ProviderSettings(openai_base_url=address, openai_api_key=key))
        await providers.close()

        assert await self.names() == ["demo"]
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
    async def test_it_comes_up_with_any_listing(self, body: bytes) -> None:
        async with RawServer(lambda _: [response(body)]) as server:
            await (await connect(ProviderSettings(openai_base_url=server.base_url))).close()

        assert await self.names() == ["demo"]

    async def test_it_comes_up_with_fifty_thousand_models(self) -> None:
        body = json.dumps({"data": [{"id": f"m{number:05}"} for number in range(50_000)]}).encode()
        async with RawServer(lambda _: [response(body)]) as server:
            await (await connect(ProviderSettings(openai_base_url=server.base_url))).close()

        assert await self.names() == [f"m{number:05}" for number in range(30)]

    async def test_a_model_that_no_column_holds_costs_that_model_alone(self) -> None:
        """Set by hand: such a one is not listed."""
        await (await connect(ProviderSettings(openai_model="m" * 10_000, openai_api_key="k"))).close()

        assert len(await self.names()) <= 1

    async def test_a_server_that_does_not_list_its_models_yet_is_asked_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        waits: list[float] = []
        asked_twice, started = asyncio.Event(), asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                asked_twice.set()
                await started.wait()

        port = closed_port()
        providers = await connect(ProviderSettings(openai_base_url=f"http://127.0.0.1:{port}/v1"), sleep=sleep)
        async with asyncio.timeout(20):
            await asked_twice.wait()
        assert await self.names() == ["demo"]
        async with FakeOpenAI(port=port, models=("late",)):
            started.set()
            async with asyncio.timeout(20):
                await asyncio.gather(*providers._tasks)
        assert await self.names() == ["late"]
        assert waits == [5.0, 10.0, 20.0]
        assert caplog.text.count("does not list") == 1
        await providers.close()

    async def test_asking_again_ends_with_the_registry(self) -> None:
        providers = await connect(ProviderSettings(openai_base_url=f"http://127.0.0.1:{closed_port()}/v1"))
        asking = set(providers._tasks)
        assert len(asking) == 1
        await providers.close()
        assert all(task.cancelled() for task in asking)

    async def test_a_server_that_lists_its_models_is_asked_once(self) -> None:
        async with FakeOpenAI(models=("a",)) as server:
            providers = await connect(ProviderSettings(openai_base_url=server.base_url))
            assert not providers._tasks
            await providers.close()

    @pytest.mark.parametrize(
        "changed",
        [
            {"OPENAI_BASE_URL": "http://bob:hunter2@127.0.0.1:9/v1"},
            {"OPENAI_BASE_URL": "http://host:99999"},
            {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "schlüssel"},
            {"OPENAI_API_KEY": "a\nb", "OPENAI_MODEL": "m"},
            {"OLLAMA_URL": "http://host:abc"},
        ],
        ids=str,
    )
    async def test_the_engine_comes_up_whatever_the_settings_say(
        self, settings: Settings, changed: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        for name, value in changed.items():
            setattr(settings, name, value)
        settings.SETTING_PROBLEMS = [Problem("OPENAI_API_KEY", "OPENAI_API_KEY is no key.", "Copy it again.")]
        chat = await _build()
        try:
            assert await chat.log.runs_of(1) == []
            assert await self.names() == [changed.get("OPENAI_MODEL", "demo")]
        finally:
            await chat.close()
        assert "settings: OPENAI_API_KEY is no key. Copy it again." in caplog.text
        assert "hunter2" not in caplog.text
