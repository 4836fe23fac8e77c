"""One answer: from a provider's deltas to the run's events, asked for again while nothing has been shown yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from chat import metrics
from chat.generation.coalescer import Coalescer
from chat.protocol import events
from chat.protocol.untrusted_input import clean, count
from chat.providers.base import (
    EmptyAnswer,
    Finish,
    Incomplete,
    Provider,
    ProviderError,
    ReasoningDelta,
    Recant,
    Request,
    StatusDelta,
    TextDelta,
    UsageDelta,
)

ATTEMPTS: Final = 3
RETRY_SECONDS: Final = 0.5
# A provider that asks for more patience than this is not waited for: the person decides.
LONGEST_RETRY_AFTER: Final = 10.0
# A tight loop of ready deltas would keep every other stream waiting.
YIELD_EVERY: Final = 64
# As long as a message's column for it.
LONGEST_FINISH_REASON: Final = 20
# Joined once there are so many: a piece is an object, of five times the size that a token's text has.
LOOSE_PIECES: Final = 1024
_EMPTY: Final = {
    "stop": "The model ended its answer without a word.",
    "length": "The model used up all the length that its answer may have, and said nothing.",
    "content_filter": "The content filter of the model's provider held back all of the answer.",
}


class OutputTooLong(ProviderError):
    code = "output_too_long"


class Answer:
    """What has arrived of an answer, and the clock beside it. Times are in seconds of `time.monotonic`.

    `begun`: what there was of it before; it is part of the text, but no model has said it now. `has_words`: whether
    a model has said more than white space.
    """

    def __init__(self, begun: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = begun
        self._blocks = [begun]
        self._loose: list[str] = []
        self.started = clock()
        self.first_token: float | None = None
        self.size = len(begun.encode())
        self.reasoning_size = 0
        self.pieces = 0
        self.usage: events.Usage | None = None
        self.finish_reason = ""
        self.has_words = False

    @property
    def text(self) -> str:
        """Kept as it is returned: whoever saves a long answer would otherwise hold it twice."""
        self._blocks = ["".join([*self._blocks, *self._loose])]
        self._loose.clear()
        return self._blocks[0]

    @property
    def ttft_ms(self) -> int | None:
        return None if self.first_token is None else _milliseconds(self.first_token - self.started)

    @property
    def duration_ms(self) -> int:
        return _milliseconds(self._clock() - self.started)

    @property
    def tokens_per_second(self) -> float | None:
        seconds = self._clock() - self.first_token if self.first_token is not None else 0.0
        tokens = self.usage["output_tokens"] if self.usage else self.pieces
        return tokens / seconds if seconds > 0 and tokens > 1 else None

    @property
    def has_begun(self) -> bool:
        """Whether anything has been shown, text or reasoning."""
        return self.first_token is not None

    def add(self, text: str, size: int, pieces: int = 1) -> None:
        """A text of so many bytes, which the model has sent in so many pieces."""
        self._loose.append(text)
        self.has_words = self.has_words or not text.isspace()
        if len(self._loose) >= LOOSE_PIECES:
            self._blocks.append("".join(self._loose))
            self._loose.clear()
        self.size += size
        self._was_shown(pieces)

    def add_reasoning(self, size: int, pieces: int = 1) -> None:
        self.reasoning_size += size
        self._was_shown(pieces)

    def recant(self) -> str:
        """What was said so far, and is no part of the text any more."""
        said = self.text[len(self._begun) :]
        self._blocks = [self._begun]
        self.has_words = False
        begun_size = _size(self._begun)
        self.reasoning_size += self.size - begun_size
        self.size = begun_size
        return said

    def _was_shown(self, pieces: int) -> None:
        self.pieces += pieces
        if self.first_token is None:
            self.first_token = self._clock()


async def generate(
    provider: Provider,
    request: Request,
    *,
    answer: Answer,
    coalescer: Coalescer,
    answer_bytes: int,
    attempt: int = 1,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Stream one answer into `answer` and the log.

    Retryable failures before the first piece are tried again, up to three times, unless they were billed. An answer
    without a word, white space apart, is a failure. Raises ProviderError; what had arrived by then is in `answer`.
    `attempt`: which owner of the run this is.
    """
    for request_number in range(1, ATTEMPTS + 1):
        try:
            await _stream(provider, request, answer, coalescer, answer_bytes, attempt)
            return
        except ProviderError as error:
            wait = error.retry_after if error.retry_after is not None else RETRY_SECONDS * 2**request_number
            is_worth_it = error.retryable and not error.billed and not answer.has_begun
            if not is_worth_it or request_number == ATTEMPTS or wait > LONGEST_RETRY_AFTER:
                raise
            metrics.PROVIDER_RETRIES.labels(provider.name, error.code).inc()
            coalescer.add(events.status("The model is busy. Trying again…", "retrying"))
            await sleep(wait)


async def _stream(
    provider: Provider, request: Request, answer: Answer, coalescer: Coalescer, answer_bytes: int, attempt: int
) -> None:
    seen = 0
    async with aclosing(provider.stream(request)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text = clean(delta.text)
                size = _size(text)
                # Before it is shown: one piece may be larger than everything allowed.
                _check_room(answer.size + size, answer_bytes)
                coalescer.add_text("token", text)
                if text:
                    answer.add(text, size, delta.pieces)
            elif isinstance(delta, ReasoningDelta):
                text = clean(delta.text)
                size = _size(text)
                _check_room(answer.reasoning_size + size, answer_bytes)
                coalescer.add_text("reasoning", text)
                if text:
                    answer.add_reasoning(size, delta.pieces)
            elif isinstance(delta, Recant):
                _recant(answer, coalescer, attempt)
            elif isinstance(delta, StatusDelta):
                coalescer.add(events.status(clean(delta.text), delta.state))
            elif isinstance(delta, UsageDelta):
                answer.usage = {
                    "input_tokens": count(delta.input_tokens) or 0,
                    "output_tokens": count(delta.output_tokens) or 0,
                }
            elif isinstance(delta, Finish):
                answer.finish_reason = clean(delta.reason)[:LONGEST_FINISH_REASON]
            seen += 1
            if seen % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if coalescer.is_full:
                await coalescer.room()
    if not answer.finish_reason:
        raise Incomplete("The model's answer broke off.")
    if not answer.has_words:
        raise EmptyAnswer(_EMPTY.get(answer.finish_reason, _EMPTY["stop"]))
    if answer.usage is not None:
        coalescer.add(events.usage(answer.usage))


def _recant(answer: Answer, coalescer: Coalescer, attempt: int) -> None:
    said = answer.recant()
    coalescer.add(events.reset(attempt, "thought"))
    coalescer.add_text("token", answer.text)
    coalescer.add_text("reasoning", said.strip())


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _check_room(size: int, answer_bytes: int) -> None:
    if size > answer_bytes:
        raise OutputTooLong("The answer grew longer than this site allows.")


def _milliseconds(seconds: float) -> int:
    return count(round(seconds * 1000)) or 0
