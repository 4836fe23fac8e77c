"""The Responses API through the real openai package against a real HTTP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat.providers.base import (
    AuthenticationFailed,
    Finish,
    Incomplete,
    ModelOutput,
    OutputItems,
    Prompt,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Request,
    StatusDelta,
    TimedOut,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from chat.providers.openai.responses import ResponsesProvider
from tests.fake_openai import FakeOpenAI, turns
from tests.providers.conftest import KEY
from tests.providers.contract import (
    SEARCH,
    WEATHER,
    ProviderContract,
    ToolContract,
    answer,
    ask,
    output_of,
    pieces_of,
    reasoning_of,
    text_of,
)
from tests.providers.openai.test_faults import fail

Connect = Callable[..., ResponsesProvider]
STOP_SECONDS = 0.5


@pytest.fixture
async def connect(server: FakeOpenAI) -> AsyncIterator[Connect]:
    made: list[ResponsesProvider] = []

    def make(**options: Any) -> ResponsesProvider:
        made.append(ResponsesProvider(**{"base_url": server.base_url, "api_key": KEY} | options))
        return made[-1]

    yield make
    for provider in made:
        await provider.close()


@pytest.fixture
def provider(connect: Connect) -> ResponsesProvider:
    return connect()


class TestContract(ProviderContract):
    endless = "count=100000 rate=200"

    @pytest.fixture
    def provider(self, connect: Connect, server: FakeOpenAI) -> ResponsesProvider:
        self.server = server
        return connect()

    async def closed(self) -> None:
        await self.server.journal.wait(lambda journal: journal.open_connections == 0, seconds=STOP_SECONDS)
        assert not self.server.journal.exchanges[-1].complete


class TestToolContract(ToolContract):
    @pytest.fixture
    def provider(self, connect: Connect) -> ResponsesProvider:
        return connect()

    def calling(self, *calls: tuple[str, str], text: str = "", is_stubborn: bool = False) -> str:
        said = [{"reasoning_content": "Hm."}, *([{"content": text}] if text else [])]
        if is_stubborn:
            said.append({"stubborn": True})
        return turns.prompt([*said, *turns.calls(*calls)], [{"results": True}])


def with_tools(text: str, *more: object, **options: object) -> Request:
    return Request("fake-small", (Prompt("user", text), *more), tools=(SEARCH, WEATHER), **options)  # type: ignore[arg-type]


async def test_it_sends_the_requested_fields(provider: ResponsesProvider, server: FakeOpenAI) -> None:
    options = {"temperature": 0.5, "max_output_tokens": 70, "user": "alice", "effort": "low"}
    await answer(provider, ask("hi \ud83d\0", tools=(SEARCH,), tools_are_off=True, **options))

    exchange = server.journal.exchanges[0]
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    assert exchange.body == {
        "model": "fake-small",
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi \ufffd\ufffd"}],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"summary": "auto", "effort": "low"},
        "temperature": 0.5,
        "max_output_tokens": 70,
        "user": "alice",
        "tools": [
            {
                "type": "function",
                "name": "search",
                "description": SEARCH.description,
                "parameters": SEARCH.parameters,
                "strict": False,
            }
        ],
        "tool_choice": "none",
    }


async def test_a_limit_below_the_minimum_is_raised(provider: ResponsesProvider, server: FakeOpenAI) -> None:
    await answer(provider, ask("hi", max_output_tokens=7))

    assert server.journal.exchanges[0].body["max_output_tokens"] == 16


async def test_model_output_is_sent_back_without_ids(provider: ResponsesProvider, server: FakeOpenAI) -> None:
    text = turns.prompt(
        [{"reasoning_content": "Hm."}, {"content": "Let me look."}, *turns.calls(("search", '{"q":"x"}'))],
        [{"results": True}],
    )
    deltas = await answer(provider, with_tools(text))
    output = output_of(deltas)
    [call] = output.calls

    await answer(provider, with_tools(text, output, ToolResult(call.call_id, "search", "Found.")))

    reasoning, message, called, result = server.journal.exchanges[-1].body["input"][1:]
    assert reasoning == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "gAAAA-encrypted-0",
    }
    assert message == {
        "type": "message",
        "role": "assistant",
        "phase": "commentary",
        "content": [{"type": "output_text", "annotations": [], "text": "Let me look."}],
    }
    assert called == {"type": "function_call", "call_id": call.call_id, "name": "search", "arguments": '{"q":"x"}'}
    assert result == {"type": "function_call_output", "call_id": call.call_id, "output": "Found."}


async def test_an_answer_without_calls_has_no_items(provider: ResponsesProvider) -> None:
    deltas = await answer(provider, with_tools("hello"))

    assert not any(isinstance(delta, OutputItems) for delta in deltas)


async def test_usage_has_its_details(provider: ResponsesProvider) -> None:
    [usage] = [delta for delta in await answer(provider, ask("hello")) if isinstance(delta, UsageDelta)]

    assert usage.cached_input_tokens == 1


@pytest.mark.parametrize(
    ("script", "reason", "text"),
    [
        ("finish reason=length", "length", "Well"),
        ("finish reason=content_filter", "content_filter", "Well"),
        ("refusal", "refusal", "I would rather not."),
        ("no-done", "stop", None),
    ],
)
async def test_an_answer_ends_for_its_reason(
    provider: ResponsesProvider, script: str, reason: str, text: str | None
) -> None:
    deltas = await answer(provider, ask(f"/{script}"))

    assert deltas[-1] == Finish(reason)  # type: ignore[arg-type]
    assert text in (None, text_of(deltas))


async def test_calls_of_a_truncated_answer_are_dropped(provider: ResponsesProvider) -> None:
    text = turns.prompt([*turns.calls(("search", '{"q":"x"}')), {"finish_reason": "length"}])

    deltas = await answer(provider, with_tools(text))

    assert not any(isinstance(delta, ToolUse | OutputItems) for delta in deltas)
    assert deltas[-1] == Finish("length")


@pytest.mark.parametrize(
    ("script", "kind", "pieces"),
    [
        ("status-401", AuthenticationFailed, 0),
        ("rate-limit", RateLimited, 0),
        ("quota", QuotaExceeded, 0),
        ("context", ProviderError, 0),
        ("html", ProviderError, 0),
        ("eof after=2", Incomplete, 2),
        ("done-only", Incomplete, 2),
        ("cut after=2", Incomplete, 2),
        ("broken after=1", ProviderError, 1),
        ("error after=2 code=insufficient_quota", QuotaExceeded, 2),
        ("error-event after=2", ProviderError, 2),
    ],
)
async def test_a_failure_has_its_type_and_keeps_the_partial_text(
    provider: ResponsesProvider, script: str, kind: type[ProviderError], pieces: int
) -> None:
    deltas, failure = await fail(provider, f"/{script}")

    assert isinstance(failure, kind)
    assert pieces_of(deltas) == pieces
    assert KEY not in failure.message


async def test_silence_is_timed_out(connect: Connect, server: FakeOpenAI) -> None:
    with pytest.raises(TimedOut):
        await answer(connect(first_token_timeout=0.5, idle_timeout=0.3), ask("/stall after=2"))

    await server.journal.wait(lambda journal: journal.open_connections == 0, seconds=5)


async def test_a_long_argument_does_not_time_out(connect: Connect) -> None:
    pieces = [delta for each in turns.calls(("search", '{"q":"012345"}')) for delta in (each, {"seconds": 0.2})]

    deltas = await answer(connect(first_token_timeout=5, idle_timeout=0.5), with_tools(turns.prompt(pieces)))

    assert deltas[-1] == Finish("tool_calls")


async def test_answers_one_after_the_other_share_a_connection(provider: ResponsesProvider, server: FakeOpenAI) -> None:
    for _ in range(5):
        await answer(provider, ask("hello"))

    assert len(server.journal.connections) == 1


@pytest.mark.parametrize(
    ("has", "message", "kept"),
    [
        (
            '"effort"',
            "Unsupported~parameter:~'reasoning.effort'~is~not~supported~with~this~model.",
            {"include": ["reasoning.encrypted_content"], "reasoning": {"summary": "auto"}, "user": "alice"},
        ),
        (
            '"summary":"auto"',
            "Your~organization~must~be~verified~to~generate~reasoning~summaries.~Unsupported~value:~reasoning.summary",
            {"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}, "user": "alice"},
        ),
        (
            '"include"',
            "Encrypted~content~is~not~supported~with~this~model.",
            {"reasoning": {"summary": "auto", "effort": "low"}, "user": "alice"},
        ),
        (
            '"reasoning":',
            "Unsupported~parameter:~'reasoning'",
            {"include": ["reasoning.encrypted_content"], "user": "alice"},
        ),
    ],
)
async def test_unsupported_fields_are_dropped_and_remembered(
    provider: ResponsesProvider, server: FakeOpenAI, has: str, message: str, kept: dict[str, Any]
) -> None:
    for _ in range(2):
        await answer(provider, ask(f"/picky has={has} message={message}", user="alice", effort="low"))

    assert len(server.journal.exchanges) == 3
    for exchange in server.journal.exchanges[1:]:
        assert {
            name: exchange.body[name] for name in ("include", "reasoning", "user") if name in exchange.body
        } == kept
        assert exchange.body["store"] is False


@pytest.mark.parametrize(
    ("has", "message", "tools"),
    [
        ('"name":"weather"', "Invalid~schema~for~function~'weather':~no~object", ["search"]),
        ('"tools"', "tools~are~not~supported~by~this~model", []),
    ],
)
async def test_a_bad_tool_does_not_spoil_the_request(
    provider: ResponsesProvider, server: FakeOpenAI, has: str, message: str, tools: list[str]
) -> None:
    for _ in range(2):
        deltas = await answer(provider, with_tools(f"/picky has={has} message={message}"))
        assert deltas[-1] == Finish("stop")
        assert isinstance(deltas[0], StatusDelta) == (not tools)

    sent = [[tool["name"] for tool in exchange.body.get("tools", [])] for exchange in server.journal.exchanges]
    assert sent == [["search", "weather"], tools, tools]


async def test_unreadable_reasoning_is_left_out_of_this_conversation(
    provider: ResponsesProvider, server: FakeOpenAI
) -> None:
    items = (
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA-encrypted-9"},
        {"type": "function_call", "call_id": "c1", "name": "search", "arguments": "{}"},
    )
    output = ModelOutput("", (ToolUse("c1", "search", "{}"),), items)
    result = ToolResult("c1", "search", "Found.")
    message = "The~encrypted~content~gAAA~could~not~be~verified."
    await answer(provider, with_tools(f'/picky has="gAAAA-encrypted-9" message={message}', output, result))
    await answer(provider, with_tools("hello", output, result))

    kinds = [[item.get("type") for item in each.body["input"]] for each in server.journal.exchanges]
    assert kinds == [
        [None, "reasoning", "function_call", "function_call_output"],
        [None, "function_call", "function_call_output"],
        [None, "reasoning", "function_call", "function_call_output"],
    ]


async def test_reasoning_summaries_are_thoughts(provider: ResponsesProvider) -> None:
    deltas = await answer(provider, ask("/think count=2"))

    assert reasoning_of(deltas) == "Thought 0. Thought 1. "


async def test_the_beginning_of_a_request_stays_the_same(provider: ResponsesProvider, server: FakeOpenAI) -> None:
    text = turns.prompt(turns.calls(("search", "{}")), [{"content": "hi"}])
    output = output_of(await answer(provider, with_tools(text)))
    await answer(provider, with_tools(text, output, ToolResult(output.calls[0].call_id, "search", "x")))

    before, after = (json.dumps(exchange.body["input"]) for exchange in server.journal.exchanges)
    assert after.startswith(before[:-1])
