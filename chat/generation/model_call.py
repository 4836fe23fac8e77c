"""One call of a model: turns a provider's deltas into the run's events, and retries until anything has been shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chat import metrics
from chat.generation import context
from chat.generation.answer import Answer
from chat.generation.coalescer import Coalescer
from chat.protocol import event_data, events
from chat.protocol.untrusted_input import clean, count
from chat.providers.base import (
    ContextTooLong,
    Delta,
    EmptyAnswer,
    Finish,
    Incomplete,
    Message,
    OutputItems,
    Provider,
    ProviderError,
    ReasoningDelta,
    Recant,
    Request,
    StatusDelta,
    TextDelta,
    ToolUse,
    UsageDelta,
)

ATTEMPTS: Final = 3
RETRY_SECONDS: Final = 0.5
# If a provider asks for a longer wait than this, the run fails and the user decides whether to retry.
LONGEST_RETRY_AFTER: Final = 10.0
# Without a yield, a burst of ready deltas would block the event loop for every other stream.
YIELD_EVERY: Final = 64
# The width of the database column.
LONGEST_FINISH_REASON: Final = 20
_EMPTY: Final = {
    "stop": "The model returned an empty answer.",
    "length": "The model used up its length limit without writing an answer.",
    "content_filter": "The model provider's content filter blocked the whole answer.",
    "refusal": "The model declined to answer.",
}


class OutputTooLong(ProviderError):
    code = "output_too_long"


@dataclass(slots=True)
class ModelCall:
    """What one call of a model returned besides its text. `finish_reason`: as the provider gave it.

    `messages`: those that were sent.
    """

    finish_reason: str = ""
    uses: list[ToolUse] = field(default_factory=list)
    items: tuple[Any, ...] = ()
    usage: UsageDelta | None = None
    messages: tuple[Message, ...] = ()


async def generate(
    provider: Provider,
    request: Request,
    *,
    answer: Answer,
    coalescer: Coalescer,
    answer_bytes: int,
    attempt: int = 1,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ModelCall:
    """Stream one call of the model into `answer` and the log.

    A retryable failure before its first piece is retried, for up to three requests in all, unless it was billed. If
    the messages are too long for the model, half of them are sent, once. An answer with nothing but whitespace is a
    failure, unless tools are to be called. Raises ProviderError; what had arrived by then is in `answer`. `attempt`: 1
    for the run's first owner, 2 for the next one, and so on.
    """
    answer.begin_call()
    counted = answer.usage
    shorter = None
    for request_number in range(1, ATTEMPTS + 1):
        try:
            call = ModelCall(messages=request.messages)
            await _stream(_Stream(provider, request, answer, coalescer, answer_bytes, attempt, counted), call)
            return call
        except ContextTooLong:
            if answer.call_has_begun or shorter is not None or request_number == ATTEMPTS:
                raise
            shorter = context.shortened(request.messages, context.length(request.messages) // 2)
            if shorter is None:
                raise
            messages, left_out = shorter
            request = replace(request, messages=messages)
            answer.left_out += left_out
            coalescer.add(
                events.status("The conversation is too long for this model. Leaving out its beginning…", "shortening")
            )
        except ProviderError as error:
            wait = error.retry_after if error.retry_after is not None else RETRY_SECONDS * 2**request_number
            is_worth_it = error.retryable and not error.billed and not answer.call_has_begun
            if not is_worth_it or request_number == ATTEMPTS or wait > LONGEST_RETRY_AFTER:
                raise
            metrics.PROVIDER_RETRIES.labels(provider.name, error.code).inc()
            coalescer.add(events.status("The model is busy. Retrying…", "retrying"))
            await sleep(wait)
    raise AssertionError("The last attempt returns or raises.")


@dataclass(frozen=True, slots=True)
class _Stream:
    """One request. `counted`: the usage of the answer's earlier calls."""

    provider: Provider
    request: Request
    answer: Answer
    coalescer: Coalescer
    answer_bytes: int
    attempt: int
    counted: event_data.Usage | None


async def _stream(stream: _Stream, call: ModelCall) -> None:
    answer, coalescer, answer_bytes = stream.answer, stream.coalescer, stream.answer_bytes
    seen = 0
    async with aclosing(stream.provider.stream(stream.request)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text = clean(delta.text)
                size = _size(text)
                # Check before showing it: a single piece can exceed the limit.
                _check_room(answer.size + size, answer_bytes)
                if text:
                    thought_ms = answer.add(text, size, delta.pieces)
                    if thought_ms is not None:
                        coalescer.add(events.thought(thought_ms))
                    coalescer.add_text("token", text)
            elif isinstance(delta, ReasoningDelta):
                text = clean(delta.text)
                size = _size(text)
                _check_room(answer.reasoning_size + size, answer_bytes)
                coalescer.add_text("reasoning", text)
                if text:
                    answer.add_reasoning(text, size, delta.pieces)
            else:
                _hear(delta, stream, call)
            seen += 1
            if seen % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if coalescer.is_full:
                await coalescer.room()
    _end(stream, call)


def _hear(delta: Delta, stream: _Stream, call: ModelCall) -> None:
    answer, coalescer = stream.answer, stream.coalescer
    match delta:
        case Recant():
            coalescer.add(events.reset(stream.attempt, "thought"))
            for event in answer.recant():
                coalescer.add(event)
        case StatusDelta(text, state):
            coalescer.add(events.status(clean(text), state))
        case UsageDelta():
            call.usage = delta
            answer.usage = total_usage(stream.counted, delta)
        case ToolUse():
            call.uses.append(delta)
        case OutputItems(items):
            call.items = items
        case Finish(reason):
            call.finish_reason = clean(reason)[:LONGEST_FINISH_REASON]


def _end(stream: _Stream, call: ModelCall) -> None:
    """The stream has ended. Raises Incomplete, EmptyAnswer."""
    answer, coalescer = stream.answer, stream.coalescer
    if (thought_ms := answer.end_thinking()) is not None:
        coalescer.add(events.thought(thought_ms))
    if not call.finish_reason:
        raise Incomplete("The model's answer was cut off.")
    answer.finish_reason = call.finish_reason
    if not call.uses and not answer.text_of_call.strip():
        raise EmptyAnswer(_EMPTY.get(call.finish_reason, _EMPTY["stop"]))
    if answer.usage is not None:
        coalescer.add(events.usage(answer.usage))
    if call.usage is not None and context.is_cut_by_server(call.messages, call.usage.input_tokens):
        answer.cut_by_server = True


def total_usage(counted: event_data.Usage | None, delta: UsageDelta) -> event_data.Usage:
    """The usage of earlier calls and of another one."""
    before: event_data.Usage = counted or {"input_tokens": 0, "output_tokens": 0}
    total: event_data.Usage = {
        "input_tokens": count(before["input_tokens"] + (count(delta.input_tokens) or 0)) or 0,
        "output_tokens": count(before["output_tokens"] + (count(delta.output_tokens) or 0)) or 0,
    }
    if cached := before.get("cached_input_tokens", 0) + (count(delta.cached_input_tokens) or 0):
        total["cached_input_tokens"] = count(cached) or 0
    if reasoning := before.get("reasoning_tokens", 0) + (count(delta.reasoning_tokens) or 0):
        total["reasoning_tokens"] = count(reasoning) or 0
    return total


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _check_room(size: int, answer_bytes: int) -> None:
    if size > answer_bytes:
        raise OutputTooLong("The answer is longer than this site allows.")
