"""How much of something one user or one socket may have."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

# Of a request's body. Above Django's own limit, so that Django can answer what is a little over that one.
BODY_BYTES: Final = 4 * 1024 * 1024
SWEEP_AT: Final = 1024


class SlidingWindow:
    """At most so many events in any `seconds`, per key. Keys that are quiet cost nothing."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._events: dict[Hashable, deque[float]] = {}

    def take(self, key: Hashable, *, limit: int) -> float:
        """Count one event. Returns 0, or the seconds to wait if the event is refused (and not counted)."""
        now = self._clock()
        if len(self._events) >= SWEEP_AT:
            self._sweep(now)
        events = self._events.setdefault(key, deque())
        while events and now - events[0] >= self._seconds:
            events.popleft()
        if len(events) >= limit:
            return self._seconds - (now - events[0])
        events.append(now)
        return 0.0

    def give_back(self, key: Hashable) -> None:
        """The last event of this key did not happen after all."""
        if events := self._events.get(key):
            events.pop()

    def _sweep(self, now: float) -> None:
        quiet = [key for key, events in self._events.items() if not events or now - events[-1] >= self._seconds]
        for key in quiet:
            del self._events[key]
