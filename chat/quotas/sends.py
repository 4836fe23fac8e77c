"""Limits how often a user tries to send: even a refused message costs database lookups."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from chat.protocol.errors import ApiError
from chat.rate_limit import SlidingWindow

MINUTE_SECONDS: Final = 60.0
# A client retries a message, with the same id, until the server responds: that is not another message.
ATTEMPTS_PER_SEND: Final = 4


class Sends:
    """The attempts in this process. The log counts the messages that become runs, over all processes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._attempts = SlidingWindow(MINUTE_SECONDS, clock=clock)

    def check(self, user_id: int, *, per_minute: int) -> None:
        """Count an attempt before any lookup. Raises ApiError `rate_limited`."""
        if wait := self._attempts.take(user_id, limit=ATTEMPTS_PER_SEND * per_minute):
            raise ApiError("rate_limited", "You have sent many messages. Wait a moment.", retry_after=wait)
