from __future__ import annotations

import logging
import os
import threading

logger = logging.getLogger(__name__)


class Deadline:
    """Ends the process at a time by all means: an event loop or a thread that hangs cannot keep it.

    A thread may hang because a database does not answer. Once all else has ended in order, that is no failure.
    """

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._status = 1

    def set(self, seconds: float) -> None:
        """In so many seconds; this replaces what was set before."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def in_order(self) -> None:
        """All that is left is for the threads to end."""
        self._status = 0

    def _end(self) -> None:
        logger.error("The server has not ended in time: it is ended")
        logging.shutdown()
        os._exit(self._status)
