"""How long a provider may be silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Self, TypeVar

from chat.providers.base import TimedOut

T = TypeVar("T")


class Patience:
    """Counts the time spent waiting for the upstream since it last gave something to show.

    first: seconds until the first text or reasoning. idle: seconds between two deltas. settle: seconds for what may
    follow the finish reason. What the reader of the answer does in between costs the upstream nothing, and bytes that
    are no delta (comments, empty chunks) buy it nothing.

    A wait per token is too many for `asyncio.timeout`, which makes and cancels a timer each time: this keeps one timer
    and moves only the deadline. Cancelling is done as `asyncio.timeout` does it. Leaving its block ends the timer.
    """

    def __init__(self, *, first: float, idle: float, settle: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = first
        self._idle = idle
        self._settle = settle
        self._waited = 0.0
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
        """What `upstream` gives. Raises TimedOut when the patience is at its end."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Waiting needs a task that can be cancelled.")
        cancelling = task.cancelling()
        began = self._loop.time()
        self._deadline = began + self._limit - self._waited
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
            self._waited += self._loop.time() - began

    def heard(self) -> None:
        """Text or reasoning has arrived."""
        self._begun = True
        self._limit = self._idle
        self._waited = 0.0

    def settle(self) -> None:
        """The answer is whole; what is still to come is not worth a long wait."""
        self._limit = min(self._settle, self._idle)

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
        if self._begun:
            return f"The model stopped in the middle: nothing came for {self._limit:g} seconds."
        return f"The model did not begin to answer within {self._limit:g} seconds."
