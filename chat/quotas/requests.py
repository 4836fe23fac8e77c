"""How many of one user's requests are worked on at once in this process: the others wait for their turn."""

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
# Where turns take longer, it is the server that is slow, and not this user who asks for much.
LONGEST_REST_SECONDS: Final = 0.1


class Requests:
    """First come, first served. A user's crowd makes that user wait, and others behind `at_once` of it at most.

    `rest`: for so many times as long as a turn took, up to LONGEST_REST_SECONDS, the user has no further one.
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
        """Raises ApiError too_many_requests if too many wait already, or if it takes too long."""
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


def too_many_requests() -> ApiError:
    return ApiError("too_many_requests", "You have too many requests under way at once. Try again.", retry_after=1)


def too_many_connections(seconds: float) -> ApiError:
    message = "You have too many connections open. Close some, then try again."
    return ApiError("too_many_requests", message, retry_after=seconds)
