"""Reads the body of a response as the deltas of an answer: in time, not too often, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self, cast

import httpx2

from chat.providers.base import Delta, ProviderError, ReasoningDelta, TextDelta, TimedOut, ToolDelta
from chat.providers.http import errors
from chat.providers.http.connection import Connection
from chat.providers.http.read_throttle import ReadThrottle
from chat.providers.http.timeouts import Timeouts

# The last bytes of a response usually come with the last event. Once read, the connection can be reused.
DRAIN_SECONDS: Final = 0.1
# The arguments of a tool call may take as long as a text, and mean as much.
_PROGRESS: Final = TextDelta | ReasoningDelta | ToolDelta


class Reader(Protocol):
    """Parses the bytes of one answer, of one vendor. Does no I/O.

    `settled`: the answer is complete. `is_over`: nothing of it is expected any more. `done`: nothing more will come.
    `failure`: the upstream's error. It is stored and not raised, so that deltas from the same bytes are not lost.
    """

    is_over: bool
    done: bool
    failure: ProviderError | None

    @property
    def settled(self) -> bool: ...

    def feed(self, chunk: bytes) -> list[Delta]: ...

    def close(self) -> list[Delta]:
        """The upstream has ended."""


class AnswerStream:
    """The answer in this response. Leaving its block stops the reading; whoever opened the response closes it."""

    def __init__(self, response: httpx2.Response, reader: Reader, timeouts: Timeouts) -> None:
        # As the transport gives it, which has unpacked it: `aiter_bytes` is three more generators for each piece.
        self._body = cast("AsyncGenerator[bytes, None]", aiter(cast(httpx2.AsyncByteStream, response.stream)))
        self._reader = reader
        self._timeouts = timeouts
        self._line = Connection(response)
        self._throttle = ReadThrottle(self._line)

    async def __aenter__(self) -> Self:
        self._throttle.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._throttle.__exit__(kind, error, traceback)
        await self._body.aclose()

    async def next(self) -> list[Delta]:
        """The deltas of the next bytes. If the upstream has ended, they end the answer.

        Raises TimedOut and what a lost connection means, but not the reader's `failure`.
        """
        await self._throttle.turn()
        try:
            chunk = await self._timeouts.wait(anext(self._body, None))
        except (TimedOut, *errors.TRANSPORT_ERRORS) as exc:
            if not self._reader.settled:
                raise exc if isinstance(exc, TimedOut) else errors.cut_off(exc) from exc
            chunk = None
        if chunk is None:
            return self._reader.close()
        deltas = self._reader.feed(chunk)
        if any(isinstance(delta, _PROGRESS) for delta in deltas):
            self._timeouts.heard()
            if not self._reader.settled:
                self._throttle.read(len(chunk))
        else:
            self._timeouts.alive()
        if self._reader.is_over:
            self._timeouts.settle()
        return deltas

    async def drain(self) -> None:
        """Read whatever follows the answer: a fully read response returns its connection to the pool."""
        self._line.resume()
        with suppress(*errors.TRANSPORT_ERRORS):
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in self._body:
                    pass
