"""Limits each user's concurrent requests in this process. Further ones are queued."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from chat.protocol.errors import ApiError
from chat.rate_limit import ConcurrencyLimit, Crowded

AT_ONCE: Final = 4
WAITING: Final = 120
WAIT_SECONDS: Final = 10.0
# Longer turns mean that the server is slow, not that the user asks for too much.
LONGEST_REST_SECONDS: Final = 0.1


class Requests:
    """First come, first served, per user. Others wait for at most `at_once` requests of a busy user.

    `rest`: the pause after a turn, as a multiple of its duration, up to LONGEST_REST_SECONDS.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        *,
        rest: float = 0.0,
        waiting: int = WAITING,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._limit = ConcurrencyLimit(each=at_once, waiting=waiting)
        self._rest = rest
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[None]:
        """Wait for a turn. Raises ApiError `too_many_requests` if the queue is full or the wait is too long."""
        try:
            await self._limit.take(user_id, seconds=self._wait_seconds)
        except Crowded:
            raise too_many_requests() from None
        began = time.monotonic()
        try:
            yield
        finally:
            taken = time.monotonic() - began
            self._limit.give_back(user_id, rest=min(self._rest * taken, LONGEST_REST_SECONDS))


class Tally:
    """Counts something per user."""

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


def too_many_requests() -> ApiError:
    return ApiError("too_many_requests", "You have too many requests in progress. Try again.", retry_after=1)


def too_many_connections(seconds: float) -> ApiError:
    message = "You have too many connections open. Close some, then try again."
    return ApiError("too_many_requests", message, retry_after=seconds)
