from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from chat.providers.base import Finish, ProviderError, ProviderUnavailable
from chat.providers.demo.provider import DemoProvider
from chat.providers.detected import Detected
from chat.providers.detection import build, detect
from chat.providers.kinds import kinds
from chat.providers.ollama import detection as ollama
from chat.providers.openai.detection import DEFAULT_MODEL as DEFAULT_OPENAI_MODEL
from tests.fake_openai import FakeOpenAI
from tests.ports import closed_port
from tests.providers.contract import answer, ask
from tests.providers.raw_server import RawServer, response

NOWHERE = f"http://127.0.0.1:{closed_port()}"


async def found(environment: Mapping[str, str], *, is_doubted: bool = False) -> Detected:
    """Detect without Ollama."""
    (detected,) = await detect(environment, is_doubted=is_doubted)
    return detected


async def found_at(ollama_url: str) -> Detected:
    """Detect Ollama at this URL and nothing else."""
    (detected,) = await both(OLLAMA_URL=ollama_url)
    return detected


async def both(**settings: str) -> tuple[Detected, ...]:
    """Detect with a longer timeout for Ollama than at startup."""
    patient = partial(ollama.detect, seconds=5)
    environment = kinds()["ollama"].environment
    assert environment
    known = {**kinds(), "ollama": replace(kinds()["ollama"], environment=replace(environment, detect=patient))}
    return await detect(settings, known=known)


async def test_a_key_alone_means_openai() -> None:
    assert await found({"OPENAI_API_KEY": "x"}) == Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL)


async def test_a_configured_model_is_used_without_a_request() -> None:
    environment = {"OPENAI_BASE_URL": f"{NOWHERE}/v1", "OPENAI_MODEL": "mine"}

    assert await found(environment) == Detected("openai", ("mine",), "mine")


async def test_a_doubted_server_is_asked_and_keeps_its_configured_model() -> None:
    environment = {"OPENAI_BASE_URL": f"{NOWHERE}/v1", "OPENAI_MODEL": "mine"}

    detected = await found(environment, is_doubted=True)

    assert (detected.models, detected.is_silent) == (("mine",), True)
    assert "could not be reached" in detected.problem


@pytest.mark.parametrize("status", ["200 OK", "401 No", "404 No"])
async def test_any_response_of_a_doubted_server_counts_as_available(status: str) -> None:
    async with RawServer(lambda _: [response(b"{}", status=status)]) as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_MODEL": "mine"}
        detected = await found(environment, is_doubted=True)

    assert len(server.requests) == 1
    assert (detected, detected.error) == (Detected("openai", ("mine",), "mine"), None)


@pytest.mark.parametrize(("status", "is_silent"), [("503 Loading", True), ("404 No", False), ("401 No", False)])
async def test_a_server_that_is_loading_may_answer_any_moment(status: str, is_silent: bool) -> None:
    async with RawServer(lambda _: [response(b"{}", status=status)]) as server:
        detected = await found({"OPENAI_BASE_URL": server.base_url})

    assert (detected.models, detected.is_silent) == ((), is_silent)


async def test_a_base_url_is_asked_for_its_models() -> None:
    async with FakeOpenAI(models=("text-embedding-3", "first", "second")) as server:
        detected = await found({"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": ""})

    assert detected == Detected("openai", ("first", "second"), "first")


async def test_an_unreachable_base_url_is_reported_without_a_demo_fallback() -> None:
    detected = await found({"OPENAI_BASE_URL": f"{NOWHERE}/v1"})

    assert (detected.provider_name, detected.models, detected.is_silent) == ("openai", (), True)
    assert "OPENAI_BASE_URL does not list its models" in detected.problem


async def test_a_base_url_without_chat_models_is_reported() -> None:
    async with FakeOpenAI(models=("nomic-embed-text",)) as server:
        detected = await found({"OPENAI_BASE_URL": server.base_url})

    assert "no chat model" in detected.problem
    assert not detected.is_silent


async def test_a_local_ollama_is_used() -> None:
    async with FakeOpenAI(models=("llama3.2:latest", "nomic-embed-text:latest")) as server:
        detected = await found_at(server.url + "/")

    assert detected == Detected("ollama", ("llama3.2:latest",), "llama3.2:latest")


async def test_an_ollama_comes_after_another_server() -> None:
    async with FakeOpenAI(models=("big",)) as server, FakeOpenAI(models=("llama3.2", "big")) as next_door:
        detected = await both(OPENAI_BASE_URL=server.base_url, OLLAMA_URL=next_door.url)
        named = await both(OPENAI_API_KEY="x", OLLAMA_URL=next_door.url)

    beside = Detected("ollama", ("llama3.2", "big"), "llama3.2")
    assert detected == (Detected("openai", ("big",), "big"), beside)
    assert named == (Detected("openai", (DEFAULT_OPENAI_MODEL,), DEFAULT_OPENAI_MODEL), beside)


async def test_an_ollama_is_used_while_the_other_server_is_away() -> None:
    async with FakeOpenAI(models=("llama3.2",)) as next_door:
        away, beside = await both(OPENAI_BASE_URL=f"{NOWHERE}/v1", OLLAMA_URL=next_door.url)

    assert (away.models, away.is_silent) == ((), True)
    assert beside.models == ("llama3.2",)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_ollama_named_by_the_base_url_is_not_listed_twice(host: str) -> None:
    async with FakeOpenAI(models=("llama3.2",)) as next_door:
        base_url = f"http://{host}:{next_door.port}/v1"
        detected = await both(OPENAI_BASE_URL=base_url, OLLAMA_URL=next_door.url)

    assert detected == (Detected("openai", ("llama3.2",), "llama3.2"),)


async def test_an_ollama_with_the_same_models_is_the_same_server() -> None:
    async with FakeOpenAI(models=("a", "b")) as server, FakeOpenAI(models=("b", "a")) as next_door:
        detected = await both(OPENAI_BASE_URL=server.base_url, OLLAMA_URL=next_door.url)

    assert detected == (Detected("openai", ("a", "b"), "a"),)


@pytest.mark.parametrize("models", [(), ("nomic-embed-text",)])
async def test_an_ollama_without_a_chat_model_is_not_used(models: tuple[str, ...]) -> None:
    async with FakeOpenAI(models=models) as server:
        detected = await found_at(server.url)

    assert (detected.models, detected.is_silent, detected.is_guess) == ((), False, True)


# Explicit ids, because the port in NOWHERE differs in each process of a parallel test run.
@pytest.mark.parametrize(
    "url", [NOWHERE, "http://no-such-host.invalid", "nonsense"], ids=["refused", "no host", "nonsense"]
)
async def test_without_anything_there_is_only_the_guess_at_an_ollama(url: str) -> None:
    detected = await found_at(url)

    assert (detected.provider_name, detected.models, detected.is_guess) == ("ollama", (), True)


async def test_without_an_address_ollama_is_not_detected() -> None:
    assert await detect({}) == ()


async def test_another_server_at_ollamas_address_is_not_used() -> None:
    async with FakeOpenAI() as server:
        assert (await found_at(server.base_url)).models == ()


async def test_the_registry_creates_each_provider_once() -> None:
    async with FakeOpenAI() as server:
        registry = build({"OPENAI_BASE_URL": server.base_url, "OLLAMA_URL": server.url})

        assert list(registry) == ["openai", "anthropic", "ollama", "demo"]
        for name in ("openai", "ollama"):
            assert registry[name] is registry[name]
            assert (registry[name].name, registry[name].is_demo) == (name, False)
            assert (await answer(registry[name], ask("hello")))[-1] == Finish("stop")
        await registry.close()
        await server.journal.wait(lambda journal: journal.open_connections == 0)


async def test_a_failed_answer_is_reported_to_the_callback() -> None:
    failed: list[ProviderError] = []
    registry = build({"OPENAI_BASE_URL": f"{NOWHERE}/v1"}, on_failure=failed.append)

    with pytest.raises(ProviderUnavailable) as raised:
        await answer(registry["openai"], ask("hello"))
    await registry.close()

    assert failed == [raised.value]


def test_the_registry_knows_no_other_name() -> None:
    assert "unheard-of" not in build({})


def test_the_demo_has_the_pace_of_the_settings() -> None:
    demo = build({"CHAT_DEMO_TOKENS_PER_SECOND": 10})["demo"]

    assert isinstance(demo, DemoProvider)
    assert demo.is_demo


def test_the_demo_needs_neither_the_openai_package_nor_django() -> None:
    code = (
        "import sys, chat.providers.detection as c; c.build({})['demo'];"
        "sys.exit(any(name in sys.modules for name in ('openai', 'django')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
