"""How fast one user's frames come, over all sockets of this process, and who stays away for a while after a flood.

In memory: nothing here asks anybody, so that a frame costs the same however many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from chat.rate_limit import SWEEP_AT, SlidingWindow

FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 60.0
# So often a flood may be a mistake, of a page that was woken up with all its siblings; then it is kept out.
MISTAKES: Final = 2
FORGIVEN_SECONDS: Final = 300.0


class Frames:
    """Frames a second and user."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = SlidingWindow(1.0, clock=clock)

    def take(self, user_id: int, *, limit: int) -> float:
        """Count a frame. 0, or the seconds to wait if it is one too many."""
        return self._window.take(user_id, limit=limit)


class Floods:
    """Floods per user, and how long each keeps the user out: twice as long each time, until none comes for a while."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By user: how many, and when the last one was.
        self._floods: dict[int, tuple[int, float]] = {}

    def happened(self, user_id: int) -> float:
        """A socket of this user is closed for a flood. Returns the seconds to stay away."""
        now = self._clock()
        if len(self._floods) >= SWEEP_AT:
            self._floods = {each: of for each, of in self._floods.items() if now - of[1] < FORGIVEN_SECONDS}
        count = self._count(user_id, now) + 1
        self._floods[user_id] = (count, now)
        return _pause(count)

    def wait(self, user_id: int) -> float:
        """0, or the seconds for which this user's new sockets are refused."""
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
