from __future__ import annotations

import logging
import os
import threading

logger = logging.getLogger(__name__)


class Deadline:
    """Forces the process to exit at a given time, even if the event loop or a thread hangs.

    A thread may hang because a database does not answer. If only that is left, the exit status is 0.
    """

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._status = 1

    def set(self, seconds: float) -> None:
        """Exit in this many seconds. Replaces an earlier deadline."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def in_order(self) -> None:
        """The shutdown is complete except for threads: exit with status 0."""
        self._status = 0

    def _end(self) -> None:
        logger.error("server: shutdown timed out, exiting now")
        logging.shutdown()
        os._exit(self._status)
