"""The deadline of a search in the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError, connection

AGAIN_SECONDS: Final = 0.05


class TooLong(Exception):
    """The search was cancelled because it took too long."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Cancel this thread's queries when the time is up. Raises TooLong.

    PostgreSQL limits each statement itself (`statement_timeout`). SQLite has no such limit, and a search through texts
    could block its thread, which cannot be killed, for any length of time.
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
            # Never interrupt a connection that is being closed.
            watch.join()


def _watch(seconds: float, over: threading.Event) -> threading.Thread | None:
    if connection.vendor != "sqlite":
        return None
    connection.ensure_connection()
    interrupt = connection.connection.interrupt

    def end() -> None:
        """Interrupt repeatedly: an interrupt has no effect on a query that has not started yet."""
        wait = seconds
        while not over.wait(wait):
            interrupt()
            wait = AGAIN_SECONDS

    watch = threading.Thread(target=end, name="search-deadline", daemon=True)
    watch.start()
    return watch
