from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from chat.providers.base import Finish
from chat.providers.catalogue import DEFAULT_OPENAI_MODEL, Detected, ProviderSettings, build, detect
from chat.providers.demo import DemoProvider
from tests.fake_openai import FakeOpenAI
from tests.ports import closed_port
from tests.providers.contract import answer, ask

NOWHERE = f"http://127.0.0.1:{closed_port()}"


async def found(environment: Mapping[str, str], ollama_url: str = NOWHERE) -> Detected:
    return await detect(environment, ollama_url=ollama_url)


async def test_a_key_alone_means_openai() -> None:
    assert await found({"OPENAI_API_KEY": "x"}) == Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL)


async def test_the_model_that_is_named_is_taken_without_asking() -> None:
    environment = {"OPENAI_BASE_URL": f"{NOWHERE}/v1", "OPENAI_MODEL": "mine"}

    assert await found(environment) == Detected("openai", ("mine",), "mine")


async def test_a_base_url_is_asked_for_its_models() -> None:
    async with FakeOpenAI(models=("text-embedding-3", "first", "second")) as server:
        detected = await found({"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": ""})

    assert detected == Detected("openai", ("first", "second"), "first")


async def test_a_base_url_that_does_not_answer_is_said_and_does_not_fall_back_to_the_demo() -> None:
    detected = await found({"OPENAI_BASE_URL": f"{NOWHERE}/v1"})

    assert detected.provider_name == "openai"
    assert "OPENAI_MODEL" in detected.problem


async def test_a_base_url_without_chat_models_is_said() -> None:
    async with FakeOpenAI(models=("nomic-embed-text",)) as server:
        detected = await found({"OPENAI_BASE_URL": server.base_url})

    assert "no chat model" in detected.problem


async def test_an_ollama_next_door_is_used() -> None:
    async with FakeOpenAI(models=("llama3.2:latest", "nomic-embed-text:latest")) as server:
        detected = await found({}, server.url + "/")

    assert detected == Detected("ollama", ("llama3.2:latest",), "llama3.2:latest")


async def test_a_key_comes_before_an_ollama() -> None:
    async with FakeOpenAI() as server:
        assert (await found({"OPENAI_API_KEY": "x"}, server.url)).provider_name == "openai"


@pytest.mark.parametrize("models", [(), ("nomic-embed-text",)])
async def test_an_ollama_without_a_chat_model_is_no_use(models: tuple[str, ...]) -> None:
    async with FakeOpenAI(models=models) as server:
        assert await found({}, server.url) == Detected("demo", ("demo",), "demo")


# Named, because the port of the first is another in each process of a parallel test run.
@pytest.mark.parametrize(
    "url", [NOWHERE, "http://no-such-host.invalid", "nonsense", ""], ids=["refused", "no host", "nonsense", "empty"]
)
async def test_without_anything_it_is_the_demo(url: str) -> None:
    assert await found({}, url) == Detected("demo", ("demo",), "demo")


async def test_something_else_at_ollamas_address_is_no_ollama() -> None:
    async with FakeOpenAI() as server:
        assert (await found({}, server.base_url)).provider_name == "demo"


async def test_the_registry_gives_each_provider_once() -> None:
    async with FakeOpenAI() as server:
        registry = build(ProviderSettings(openai_base_url=server.base_url, ollama_url=server.url))

        assert list(registry) == ["openai", "ollama", "demo"]
        for name in ("openai", "ollama"):
            assert registry[name] is registry[name]
            assert (registry[name].name, registry[name].is_demo) == (name, False)
            assert (await answer(registry[name], ask("hello")))[-1] == Finish("stop")
        await registry.close()
        await server.journal.wait(lambda journal: journal.open_connections == 0)


def test_the_registry_knows_no_other_name() -> None:
    assert "anthropic" not in build(ProviderSettings())


def test_the_demo_has_the_pace_of_the_settings() -> None:
    demo = build(ProviderSettings(demo_tokens_per_second=10))["demo"]

    assert isinstance(demo, DemoProvider)
    assert demo.is_demo


def test_the_key_is_not_in_the_settings_text() -> None:
    assert "secret" not in repr(ProviderSettings(openai_api_key="secret"))


def test_the_demo_needs_neither_the_openai_package_nor_django() -> None:
    code = (
        "import sys, chat.providers.catalogue as c; c.build(c.ProviderSettings())['demo'];"
        "sys.exit(any(name in sys.modules for name in ('openai', 'django')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
