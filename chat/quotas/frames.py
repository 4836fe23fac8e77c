"""Limits each user's frames per second over all sockets of this process, and locks users out after a flood.

In memory, without I/O, so that every frame costs the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from chat.rate_limit import SWEEP_AT, SlidingWindow

FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 60.0
# The first floods may be harmless, such as many tabs waking up at once. After these, the user is locked out.
MISTAKES: Final = 2
FORGIVEN_SECONDS: Final = 300.0


class Frames:
    """Frames per second and user."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = SlidingWindow(1.0, clock=clock)

    def take(self, user_id: int, *, limit: int) -> float:
        """Count a frame. Returns 0, or the seconds to wait if it exceeds the limit."""
        return self._window.take(user_id, limit=limit)


class Floods:
    """Floods per user. Each flood doubles the pause; FORGIVEN_SECONDS without one reset it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By user: the number of floods, and the time of the last one.
        self._floods: dict[int, tuple[int, float]] = {}

    def happened(self, user_id: int) -> float:
        """Count a flood by this user, whose socket is closed for it. Returns the seconds to stay away."""
        now = self._clock()
        if len(self._floods) >= SWEEP_AT:
            self._floods = {each: of for each, of in self._floods.items() if now - of[1] < FORGIVEN_SECONDS}
        count = self._count(user_id, now) + 1
        self._floods[user_id] = (count, now)
        return _pause(count)

    def wait(self, user_id: int) -> float:
        """Seconds for which this user's new sockets are refused; 0 if they are not."""
        if user_id not in self._floods:
            return 0.0
        now = self._clock()
        count = self._count(user_id, now)
        return max(0.0, self._floods[user_id][1] + _pause(count) - now) if count > MISTAKES else 0.0

    def _count(self, user_id: int, now: float) -> int:
        count, last = self._floods.get(user_id, (0, now))
        return count if now - last < FORGIVEN_SECONDS else 0


def _pause(count: int) -> float:
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(count - 1, 8), LONGEST_PAUSE_SECONDS)
