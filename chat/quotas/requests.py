"""How many of one user's requests are worked on at once in this process: the others wait for their turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from chat.refusals import Refusal

AT_ONCE: Final = 8
WAITING: Final = 120
WAIT_SECONDS: Final = 10.0


class Requests:
    """First come, first served. A user's crowd makes that user wait, and others behind `at_once` of it at most."""

    def __init__(self, at_once: int = AT_ONCE, *, waiting: int = WAITING, wait_seconds: float = WAIT_SECONDS) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._wait_seconds = wait_seconds
        self._lines: dict[int, _Line] = {}

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[None]:
        """Raises Refusal too_many_requests if too many wait already, or if it takes too long."""
        line = self._lines.get(user_id)
        if line is None:
            line = self._lines[user_id] = _Line(self._at_once)
        if line.length >= self._at_once + self._waiting:
            raise too_many_requests()
        line.length += 1
        try:
            await self._wait(line)
            try:
                yield
            finally:
                line.turns.release()
        finally:
            line.length -= 1
            if not line.length:
                self._lines.pop(user_id, None)

    async def _wait(self, line: _Line) -> None:
        if not line.turns.locked():
            await line.turns.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await line.turns.acquire()
        except TimeoutError:
            raise too_many_requests() from None


class _Line:
    """Of one user. `length`: with those whose turn it is."""

    __slots__ = ("length", "turns")

    def __init__(self, at_once: int) -> None:
        self.length = 0
        self.turns = asyncio.Semaphore(at_once)


class Tally:
    """So many of something at once, by user."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def count(self, user_id: int) -> int:
        return self._counts[user_id]

    def add(self, user_id: int) -> None:
        self._counts[user_id] += 1

    def remove(self, user_id: int) -> None:
        self._counts[user_id] -= 1
        if self._counts[user_id] <= 0:
            del self._counts[user_id]


def too_many_requests() -> Refusal:
    return Refusal("too_many_requests", "You have too many requests under way at once. Try again.", retry_after=1)


def too_many_connections(seconds: float) -> Refusal:
    message = "You have too many connections open. Close some, then try again."
    return Refusal("too_many_requests", message, retry_after=seconds)
