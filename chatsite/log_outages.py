"""Limits the log to one line a minute while the disk is full or file descriptors have run out."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final

# Error texts of Python, SQLite and PostgreSQL, by the exhausted resource.
CAUSES: Final = {
    "disk": re.compile(
        r"no space left on device|disk is full|disk quota exceeded|could not extend file", re.IGNORECASE
    ),
    "descriptors": re.compile(r"too many open files|unable to open database file", re.IGNORECASE),
}
AGAIN_SECONDS: Final = 60.0


class Outages(logging.Filter):
    """Passes the first record of an outage, without its traceback, and drops the others for AGAIN_SECONDS.

    Errors without an exception always pass: they are our own and say what was lost.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        failure = record.exc_info[1] if record.exc_info else None
        said = f"{record.getMessage()}: {failure}" if failure else record.getMessage()
        cause = next((name for name, words in CAUSES.items() if words.search(said)), None)
        if cause is None or (failure is None and record.levelno >= logging.ERROR):
            return True
        record.msg, record.args, record.exc_info, record.exc_text = " ".join(said.split()), (), None, None
        now = self._now()
        is_first = now - self._told.get(cause, -AGAIN_SECONDS) >= AGAIN_SECONDS
        if is_first:
            self._told[cause] = now
        return is_first
