"""How often a user tries to send: a message that is refused has cost its looks into the database all the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from chat.protocol.errors import ApiError
from chat.rate_limit import SlidingWindow

MINUTE_SECONDS: Final = 60.0
# A message is offered again, with the same id, until the server has answered: that is no message more.
ATTEMPTS_PER_SEND: Final = 4


class Sends:
    """Of this process. How many messages become runs is counted by the log, in all processes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._attempts = SlidingWindow(MINUTE_SECONDS, clock=clock)

    def check(self, user_id: int, *, per_minute: int) -> None:
        """Count one attempt, before anything is looked up. Raises ApiError rate_limited."""
        if wait := self._attempts.take(user_id, limit=ATTEMPTS_PER_SEND * per_minute):
            raise ApiError("rate_limited", "You have sent many messages. Wait a moment.", retry_after=wait)
