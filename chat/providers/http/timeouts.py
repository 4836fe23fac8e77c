"""Timeouts for a provider's stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final, Self, TypeVar

from chat.providers.base import TimedOut

T = TypeVar("T")

# Defaults.
CONNECT_SECONDS: Final = 5.0
FIRST_TOKEN_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 45.0
# After the finish reason the answer is complete: wait only briefly for usage and the end of the stream.
SETTLE_SECONDS: Final = 3.0
# DeepSeek keeps queued requests alive with comments for up to ten minutes.
FIRST_FACTOR: Final = 10
IDLE_FACTOR: Final = 3


class Timeouts:
    """Counts only the time spent waiting for the upstream since its last delta.

    first: seconds until the first text, reasoning or tool call. idle: seconds between two of their pieces. settle:
    seconds for whatever follows the finish reason. Time that the reader of the answer takes does not count. Other
    bytes (comments of a busy server) are signs of life: they extend the first timeout up to FIRST_FACTOR times, and
    the others up to IDLE_FACTOR times.

    `asyncio.timeout` would create and cancel a timer for every token; this keeps one timer and moves the deadline.
    It cancels the same way as `asyncio.timeout`. Leaving the `with` block cancels the timer.
    """

    def __init__(self, *, first: float, idle: float, settle: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = first
        self._idle = idle
        self._settle = settle
        self._waited = 0.0
        self._lived = 0.0
        self._begun = False
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._expired = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self, upstream: Awaitable[T]) -> T:
        """Await `upstream`. Raises TimedOut when the timeout is reached."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Waiting needs a task that can be cancelled.")
        cancelling = task.cancelling()
        began = self._loop.time()
        self._deadline = began + min(self._limit - self._waited, self._longest - self._lived)
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()
        self._waiting = task
        try:
            return await upstream
        except asyncio.CancelledError as exc:
            if self._expired and task.cancelling() - 1 <= cancelling:
                raise TimedOut(self._sentence()) from exc
            raise
        finally:
            self._waiting = None
            if self._expired:
                self._expired = False
                task.uncancel()
            took = self._loop.time() - began
            self._waited += took
            self._lived += took

    def heard(self) -> None:
        """Some of the answer has arrived."""
        self._begun = True
        self._limit = self._idle
        self._waited = self._lived = 0.0

    def alive(self) -> None:
        """Other bytes have arrived."""
        self._waited = 0.0

    def settle(self) -> None:
        """The answer is complete: wait only briefly for the rest."""
        self._limit = min(self._settle, self._idle)

    @property
    def _longest(self) -> float:
        """The maximum time between deltas in seconds, even with signs of life."""
        return self._limit * (IDLE_FACTOR if self._begun else FIRST_FACTOR)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self._expired = True
        self._waiting.cancel()

    def _sentence(self) -> str:
        # The earlier of the two deadlines has expired.
        seconds = self._longest if self._longest - self._lived < self._limit - self._waited else self._limit
        if self._begun:
            return f"The model stopped partway: nothing arrived for {seconds:g} seconds."
        return f"The model did not start answering within {seconds:g} seconds."
