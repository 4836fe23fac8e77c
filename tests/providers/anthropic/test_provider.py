"""The provider against a real HTTP server: answers, connections, requests."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from chat.providers.anthropic.provider import AnthropicProvider
from chat.providers.base import Finish, ProviderError
from tests.fake_anthropic import FakeAnthropic
from tests.fake_anthropic.stage import MessageStage
from tests.fake_openai.certificate import self_signed
from tests.providers.anthropic.conftest import KEY
from tests.providers.contract import ProviderContract, answer, ask, pieces_of, reasoning_of, text_of

Connect = Callable[..., AnthropicProvider]
STOP_SECONDS = 0.5


class TestContract(ProviderContract):
    endless = "count=100000 rate=200"

    @pytest.fixture
    def provider(self, connect: Connect, server: FakeAnthropic) -> AnthropicProvider:
        self.server = server
        return connect()

    async def closed(self) -> None:
        await self.server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)
        assert not self.server.journal.exchanges[-1].complete


async def test_it_sends_the_key_and_version_headers(provider: AnthropicProvider, server: FakeAnthropic) -> None:
    await answer(provider, ask("hi"))

    headers = server.journal.exchanges[0].headers
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers


async def test_headers_of_the_operator_are_added(connect: Connect, server: FakeAnthropic) -> None:
    provider = connect(api_key="", headers={"Authorization": "Bearer x", "Anthropic-Version": "2026-10-21"})

    await answer(provider, ask("hi"))

    headers = server.journal.exchanges[0].headers
    assert headers["authorization"] == "Bearer x"
    assert headers["anthropic-version"] == "2026-10-21"
    assert "x-api-key" not in headers


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_a_base_url_may_have_its_version_or_not(connect: Connect, server: FakeAnthropic, path: str) -> None:
    assert (await answer(connect(base_url=server.url + path), ask("hi")))[-1] == Finish("stop")


async def test_answers_one_after_the_other_share_a_connection(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    for _ in range(5):
        await answer(provider, ask("hello"))

    assert len(server.journal.connections) == 1


async def test_pieces_arrive_while_the_answer_is_still_being_made(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    async with aclosing(provider.stream(ask("/hold after=2 count=3"))) as deltas:
        first = []
        while pieces_of(first) < 2:
            first.append(await anext(deltas))
        assert server.journal.exchanges[0].ended is None
        server.release()
        rest = [delta async for delta in deltas]

    assert text_of(first + rest) == server.journal.exchanges[0].text
    assert rest[-1] == Finish("stop")


async def test_fifty_concurrent_answers_are_complete(provider: AnthropicProvider, server: FakeAnthropic) -> None:
    answers = await asyncio.gather(
        *(answer(provider, ask(f"{number} count=40 rate=400", model="numbered")) for number in range(50))
    )

    sent = {exchange.prompt: exchange.text for exchange in server.journal.exchanges}
    assert [text_of(deltas) for deltas in answers] == [sent[f"{number} count=40 rate=400"] for number in range(50)]


async def stop_during(provider: AnthropicProvider, server: FakeAnthropic, text: str) -> float:
    """Stops an answer that has begun. Returns how long its connection stayed open, in seconds."""
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(provider.stream(ask(text))) as deltas:
            async for _ in deltas:
                begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    stopped = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)
    closed = server.journal.connections[0].closed
    assert closed is not None
    return closed - stopped


async def test_stop_while_the_model_is_silent_closes_the_connection(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    assert await stop_during(provider, server, "/stall after=1") < STOP_SECONDS


async def test_stop_while_it_writes_arguments_closes_the_connection(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    async def script(stage: MessageStage) -> None:
        await stage.call("look", '{"a":')
        await stage.silence()

    server.script = script
    assert await stop_during(provider, server, "hi") < STOP_SECONDS


async def test_stop_before_the_headers_closes_the_connection(
    provider: AnthropicProvider, server: FakeAnthropic
) -> None:
    task = asyncio.create_task(answer(provider, ask("/no-headers")))
    await server.journal.wait(lambda journal: len(journal.exchanges) == 1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)


async def test_stop_closes_a_tls_connection_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with FakeAnthropic(ssl_context=context) as server:
        provider = AnthropicProvider(base_url=server.url)
        async with aclosing(provider.stream(ask("count=100000 rate=200", model="numbered"))) as deltas:
            await anext(deltas)

        await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)
        await provider.close()


async def test_thoughts_are_reasoning(provider: AnthropicProvider) -> None:
    deltas = await answer(provider, ask("/think count=2"))

    assert reasoning_of(deltas) == "Thought 0. Thought 1. "
    assert text_of(deltas) == "So the answer is 42."


@pytest.mark.parametrize("script", ["no-done", "open-end"])
async def test_an_answer_is_complete_with_a_stop_reason(connect: Connect, script: str) -> None:
    deltas = await answer(connect(settle_timeout=0.05), ask(f"/{script}"))

    assert pieces_of(deltas) == 2
    assert deltas[-1] == Finish("stop")


async def test_it_lists_the_models_of_all_pages(provider: AnthropicProvider, server: FakeAnthropic) -> None:
    assert len(server.models) > 2 * server.page_size
    assert await provider.models() == server.models


async def test_a_failure_is_reported_once(connect: Connect) -> None:
    told: list[ProviderError] = []

    with pytest.raises(ProviderError) as raised:
        await answer(connect(on_failure=told.append), ask("/status-500"))

    assert told == [raised.value]
