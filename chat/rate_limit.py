"""Rate and concurrency limits per user or socket."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

# Limit of a request body. Above Django's own limit, so that Django itself responds to slightly larger bodies.
BODY_BYTES: Final = 4 * 1024 * 1024
SWEEP_AT: Final = 1024
TIMER_SECONDS: Final = 0.002


class SlidingWindow:
    """Limits the events of each key in any window of `seconds`. Idle keys cost no memory."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._events: dict[Hashable, deque[float]] = {}
        self._sweep_at = SWEEP_AT

    def take(self, key: Hashable, *, limit: int) -> float:
        """Count one event and return 0; if the limit is reached, return the seconds to wait and do not count it."""
        now = self._clock()
        if len(self._events) >= self._sweep_at:
            self._sweep(now)
        events = self._events.setdefault(key, deque())
        while events and now - events[0] >= self._seconds:
            events.popleft()
        if len(events) >= limit:
            return self._seconds - (now - events[0])
        events.append(now)
        return 0.0

    def give_back(self, key: Hashable) -> None:
        """Uncount the last event of this key."""
        if events := self._events.get(key):
            events.pop()

    def _sweep(self, now: float) -> None:
        quiet = [key for key, events in self._events.items() if not events or now - events[-1] >= self._seconds]
        for key in quiet:
            del self._events[key]
        # Back off: with as many busy keys, every event would otherwise walk through all of them.
        self._sweep_at = max(SWEEP_AT, 2 * len(self._events))


class Crowded(Exception):
    """Too many are waiting, or the wait timed out."""


class ConcurrencyLimit:
    """At most `each` concurrent holders per key, and `altogether` in total.

    Per key, at most `waiting` callers queue, first come, first served. The keys take turns, so a key with a long queue
    delays another by one turn only. All calls must be made on one event loop.
    """

    def __init__(self, *, each: int, waiting: int, altogether: float = math.inf) -> None:
        self._each = each
        self._altogether = altogether
        self.waiting = waiting
        self._running: dict[Hashable, int] = {}
        self._count = 0
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        # The time until which a key rests.
        self._rests: dict[Hashable, float] = {}

    async def take(self, key: Hashable, *, seconds: float) -> None:
        """Wait for a slot and hold it until `give_back`. Raises Crowded if too many wait, or after `seconds`."""
        if self._has_room(key):
            self._let_in(key)
            return
        queue = self._waiting.setdefault(key, deque())
        if len(queue) >= self.waiting:
            raise Crowded
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        self._call_after_rest(key)
        try:
            async with asyncio.timeout(seconds):
                await place
        except BaseException as error:
            if place.cancelled():
                self._leave(key, place)
            else:
                self.give_back(key)
            if isinstance(error, TimeoutError):
                raise Crowded from None
            raise

    def give_back(self, key: Hashable, *, rest: float = 0.0) -> None:
        """Release the slot. The same key may take one again after `rest` seconds."""
        self._count -= 1
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        if rest > 0:
            self._let_rest(key, rest)
        self._call_those_with_room()

    def _let_rest(self, key: Hashable, seconds: float) -> None:
        now = time.monotonic()
        if len(self._rests) >= SWEEP_AT:
            self._rests = {each: until for each, until in self._rests.items() if until > now}
        self._rests[key] = now + seconds
        if key in self._waiting:
            self._call_after_rest(key)

    def _call_after_rest(self, key: Hashable) -> None:
        rest = self._rests.get(key, 0.0) - time.monotonic()
        # It may have ended since it kept the caller waiting: then nobody else would call.
        if rest > 0 or self._is_free(key):
            asyncio.get_running_loop().call_later(max(rest, 0.0), self._call_those_with_room)

    def _call_those_with_room(self) -> None:
        for waiting in list(self._waiting):
            if self._has_room(waiting):
                self._call(waiting)

    def _is_free(self, key: Hashable) -> bool:
        """Apart from rests."""
        return self._running.get(key, 0) < self._each and self._count < self._altogether

    def _has_room(self, key: Hashable) -> bool:
        if not self._is_free(key):
            return False
        # A timer may fire slightly early.
        return self._rests.get(key, 0.0) - time.monotonic() < TIMER_SECONDS

    def _let_in(self, key: Hashable) -> None:
        self._count += 1
        self._running[key] = self._running.get(key, 0) + 1

    def _call(self, key: Hashable) -> None:
        """Let in the next waiter of this key."""
        queue = self._waiting.pop(key)
        while queue:
            place = queue.popleft()
            if not place.done():
                self._let_in(key)
                place.set_result(None)
                break
        if queue:
            # Requeue the key behind the others: it has had its turn.
            self._waiting[key] = queue

    def _leave(self, key: Hashable, place: asyncio.Future[None]) -> None:
        queue = self._waiting.get(key)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[key]
