"""The real openai package against a real HTTP server: answers, connections, requests."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from chat.providers.base import GO_ON, Finish, Prompt, ProviderError, Request, UsageDelta
from chat.providers.openai.chat import OpenAIProvider
from tests.fake_openai import FakeOpenAI
from tests.fake_openai.certificate import self_signed
from tests.providers.contract import ProviderContract, answer, ask, pieces_of, reasoning_of, text_of

Connect = Callable[..., OpenAIProvider]
STOP_SECONDS = 0.5


class TestContract(ProviderContract):
    endless = "count=100000 rate=200"

    @pytest.fixture
    def provider(self, connect: Connect, server: FakeOpenAI) -> OpenAIProvider:
        self.server = server
        return connect()

    async def closed(self) -> None:
        await self.server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)
        assert not self.server.journal.exchanges[-1].complete


@pytest.fixture
def provider(connect: Connect) -> OpenAIProvider:
    return connect()


async def test_it_sends_the_requested_fields(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    await answer(provider, ask("hi \ud83d\0", temperature=0.5, max_output_tokens=7, user="alice"))

    exchange = server.journal.exchanges[0]
    assert exchange.headers["authorization"] == "Bearer sk-the-key-of-this-site"
    assert exchange.body == {
        "model": "fake-small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi \ufffd\ufffd"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 7,
        "user": "alice",
    }


async def test_it_asks_to_continue_the_partial_answer(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    await answer(provider, Request("fake-small", (Prompt("user", "hi"),), continues="Once upon"))

    asked, begun, again = server.journal.exchanges[0].body["messages"]
    assert asked == {"role": "user", "content": "hi"}
    assert begun == {"role": "assistant", "content": "Once upon"}
    assert again == {"role": "user", "content": GO_ON}


async def test_it_omits_fields_not_requested(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    await answer(provider, Request("fake-small", (Prompt("user", "hi"),)))

    assert set(server.journal.exchanges[0].body) == {"model", "messages", "stream", "stream_options"}


async def test_pieces_arrive_while_the_answer_is_still_being_made(
    provider: OpenAIProvider, server: FakeOpenAI
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


async def test_answers_one_after_the_other_share_a_connection(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    for _ in range(5):
        await answer(provider, ask("hello"))

    assert len(server.journal.connections) == 1


async def test_a_response_that_ends_shortly_after_done_keeps_its_connection(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    async with aclosing(provider.stream(ask("/late-end"))) as deltas:
        async for delta in deltas:
            if isinstance(delta, Finish):
                server.release()
    await answer(provider, ask("hello"))

    assert len(server.journal.connections) == 1


async def test_stop_while_the_model_is_silent_closes_the_connection(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(provider.stream(ask("/stall after=1"))) as deltas:
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
    assert closed - stopped < STOP_SECONDS


async def test_stop_before_the_headers_closes_the_connection(provider: OpenAIProvider, server: FakeOpenAI) -> None:
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
    async with FakeOpenAI(ssl_context=context) as server:
        provider = OpenAIProvider(base_url=server.base_url)
        async with aclosing(provider.stream(ask("count=100000 rate=200", model="numbered"))) as deltas:
            await anext(deltas)

        await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)
        await provider.close()


async def test_fifty_concurrent_answers_are_complete(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    answers = await asyncio.gather(
        *(answer(provider, ask(f"{number} count=40 rate=400", model="numbered")) for number in range(50))
    )

    sent = {exchange.prompt: exchange.text for exchange in server.journal.exchanges}
    assert [text_of(deltas) for deltas in answers] == [sent[f"{number} count=40 rate=400"] for number in range(50)]


async def test_a_piece_of_two_megabytes_arrives_completely(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    deltas = await answer(provider, ask("/big size=2000000"))

    assert text_of(deltas) == server.journal.exchanges[0].text
    assert len(text_of(deltas)) == 2_000_000


async def test_markdown_of_any_letters_arrives_as_it_was_sent(provider: OpenAIProvider) -> None:
    markdown = "# Grüße\n\n```py\nprint('😀')\n```\n\n| a | b |\n|---|---|\n| 日本 | \\n |\n"

    deltas = await answer(provider, ask(f"/markdown:{base64.b64encode(markdown.encode()).decode()} n=1"))

    assert text_of(deltas) == markdown


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_comes_under_two_names(provider: OpenAIProvider, field: str) -> None:
    deltas = await answer(provider, ask(f"/think count=2 field={field}"))

    assert reasoning_of(deltas) == "Thought 0. Thought 1. "
    assert text_of(deltas) == "So the answer is 42."


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
    ],
)
async def test_finish_reasons_are_of_three_kinds(provider: OpenAIProvider, sent: str, given: str) -> None:
    assert (await answer(provider, ask(f"/finish reason={sent}")))[-1] == Finish(given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("choices", "one two"),
        ("parts", "one two"),
        ("crlf", "one two"),
        ("bytewise", "Grüße 😀"),
        ("refusal", "I would rather not."),
        ("no-stream", "All at once."),
        ("surrogates", "a😀b\ufffdc\ufffdd\ufffd\ufffd"),
        ("invalid-utf8", "a\ufffdb"),
    ],
)
async def test_answers_of_every_shape_are_read(provider: OpenAIProvider, script: str, text: str) -> None:
    deltas = await answer(provider, ask(f"/{script}"))

    assert text_of(deltas) == text
    assert deltas[-1] == Finish("stop")


@pytest.mark.parametrize("script", ["done-only", "no-done", "open-end"])
async def test_an_answer_is_complete_with_a_finish_reason_or_done(connect: Connect, script: str) -> None:
    deltas = await answer(connect(settle_timeout=0.05), ask(f"/{script}"))

    assert pieces_of(deltas) == 2
    assert deltas[-1] == Finish("stop")


async def test_a_finish_reason_with_every_piece_does_not_cut_the_answer(connect: Connect) -> None:
    deltas = await answer(connect(settle_timeout=0.05), ask("/restless count=3 pause=0.2"))

    assert text_of(deltas) == "0 1 2 "
    assert deltas[-1] == Finish("stop")


async def test_an_unsupported_usage_option_is_dropped_and_remembered(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    first = await answer(provider, ask("/no-usage-option"))
    await answer(provider, ask("/no-usage-option"))

    assert first[-1] == Finish("stop")
    assert not any(isinstance(delta, UsageDelta) for delta in first)
    assert ["stream_options" in exchange.body for exchange in server.journal.exchanges] == [True, False, False]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    ("unknown", "requests"), [("user", 2), ("stream_options", 2), ("user,stream_options", 2), ("each", 3)]
)
async def test_unsupported_fields_are_dropped_and_remembered(
    provider: OpenAIProvider, server: FakeOpenAI, status: int, unknown: str, requests: int
) -> None:
    text = f"/strict status={status} unknown={unknown}"
    await answer(provider, ask(text, user="0123"))
    assert len(server.journal.exchanges) == requests
    await answer(provider, ask(text, user="0123"))
    assert len(server.journal.exchanges) == requests + 1

    kept = {"user", "stream_options"} - set(unknown.replace("each", "user,stream_options").split(","))
    assert {"user", "stream_options"} & set(server.journal.exchanges[-1].body) == kept


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    "message",
    [
        "Conversation_roles_must_alternate_user/assistant/user/assistant",
        "The_prompt_was_filtered",
        "Unknown_model:_x",
        "Temperature_is_too_high",
        "This_user_is_not_in_good_standing",
    ],
)
async def test_a_refusal_for_another_reason_is_not_retried(
    provider: OpenAIProvider, server: FakeOpenAI, status: int, message: str
) -> None:
    with pytest.raises(ProviderError):
        await answer(provider, ask(f"/status-{status} message={message}", user="0123"))

    assert len(server.journal.exchanges) == 1


async def test_a_silent_refusal_is_retried_without_optional_fields(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    with pytest.raises(ProviderError):
        await answer(provider, ask("/silent-refusal", user="0123"))

    assert [{"user", "stream_options"} & set(exchange.body) for exchange in server.journal.exchanges] == [
        {"user", "stream_options"},
        set(),
    ]


async def test_max_completion_tokens_replaces_an_unsupported_max_tokens(
    provider: OpenAIProvider, server: FakeOpenAI
) -> None:
    for _ in range(2):
        await answer(provider, ask("/no-max-tokens", max_output_tokens=9))

    limits = [
        (exchange.body.get("max_tokens"), exchange.body.get("max_completion_tokens"))
        for exchange in server.journal.exchanges
    ]
    assert limits == [(9, None), (None, 9), (None, 9)]


async def test_a_proxy_of_the_environment_is_not_used_for_a_local_server(
    monkeypatch: pytest.MonkeyPatch, provider: OpenAIProvider
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert (await answer(provider, ask("hello")))[-1] == Finish("stop")


async def test_it_lists_the_models(provider: OpenAIProvider, server: FakeOpenAI) -> None:
    assert await provider.models() == server.models
