"""How long a search may take in the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection

AGAIN_SECONDS: Final = 0.05


class TooLong(Exception):
    """The search was ended: it would have taken too long."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Ends what the database does for this thread when the time is up. Raises TooLong.

    PostgreSQL bounds each statement by itself (`statement_timeout`). SQLite has nothing of the kind, and what looks
    through texts there may take as long as it likes, on a thread that nobody can end.
    """
    ends_at = time.monotonic() + seconds
    over = threading.Event()
    watch = _watch(seconds, over)
    try:
        yield
    except OperationalError as error:
        if time.monotonic() < ends_at:
            raise
        raise TooLong from error
    finally:
        over.set()
        if watch is not None:
            # Not while the connection is being closed.
            watch.join()


def _watch(seconds: float, over: threading.Event) -> threading.Thread | None:
    if connection.vendor != "sqlite":
        return None
    connection.ensure_connection()
    interrupt = connection.connection.interrupt

    def end() -> None:
        """Again and again: what has just not begun yet would not hear of it."""
        wait = seconds
        while not over.wait(wait):
            interrupt()
            wait = AGAIN_SECONDS

    watch = threading.Thread(target=end, name="search-deadline", daemon=True)
    watch.start()
    return watch
