"""How long a provider may be silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from chat.providers.base import TimedOut

T = TypeVar("T")


class Patience:
    """Counts the time spent waiting for the upstream since it last gave something to show.

    first: seconds until the first text or reasoning. idle: seconds between two deltas. settle: seconds for what may
    follow the finish reason. What the reader of the answer does in between costs the upstream nothing, and bytes that
    are no delta (comments, empty chunks) buy it nothing.
    """

    def __init__(self, *, first: float, idle: float, settle: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = first
        self._idle = idle
        self._settle = settle
        self._waited = 0.0
        self._begun = False

    async def wait(self, upstream: Awaitable[T]) -> T:
        """What `upstream` gives. Raises TimedOut when the patience is at its end."""
        began = self._loop.time()
        try:
            async with asyncio.timeout_at(began + self._limit - self._waited) as timeout:
                return await upstream
        except TimeoutError as exc:
            if not timeout.expired():
                raise
            raise TimedOut(self._sentence()) from exc
        finally:
            self._waited += self._loop.time() - began

    def heard(self) -> None:
        """Text or reasoning has arrived."""
        self._begun = True
        self._limit = self._idle
        self._waited = 0.0

    def settle(self) -> None:
        """The answer is whole; what is still to come is not worth a long wait."""
        self._limit = min(self._settle, self._idle)

    def _sentence(self) -> str:
        if self._begun:
            return f"The model stopped in the middle: nothing came for {self._limit:g} seconds."
        return f"The model did not begin to answer within {self._limit:g} seconds."
