"""SQLite gives back to the disk what was deleted.

By default it keeps the pages for what comes next, so a file never shrinks. With `auto_vacuum = INCREMENTAL` it knows
which ones to move, and moves some when it is told to (https://www.sqlite.org/pragma.html#pragma_auto_vacuum).
"""

from __future__ import annotations

import logging
from typing import Final

from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("chat.database")

INCREMENTAL: Final = 2
# Four megabytes. Nobody else writes meanwhile.
PAGES_AT_ONCE: Final = 1000


def prepare(connection: BaseDatabaseWrapper) -> None:
    """Let a SQLite database give space back from now on. An older one is rewritten once, which takes a while.

    It is left as it is where that fails: it needs as much room again, and nobody else may be reading.
    """
    if connection.vendor != "sqlite" or _asked(connection, "PRAGMA auto_vacuum") == INCREMENTAL:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
            # Only this makes the change take effect. Of a new database it costs nothing.
            cursor.execute("VACUUM")
    except DatabaseError as error:
        logger.warning("database: not rewritten, so it keeps the space of what is deleted: %s", error)


def give_back(connection: BaseDatabaseWrapper) -> bool:
    """Give back some of the space of what was deleted. Whether there is more to give."""
    if connection.vendor != "sqlite" or _asked(connection, "PRAGMA auto_vacuum") != INCREMENTAL:
        return False
    if not _asked(connection, "PRAGMA freelist_count"):
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        # It moves a page for each row that is read.
        cursor.fetchall()
    return _asked(connection, "PRAGMA freelist_count") > 0


def _asked(connection: BaseDatabaseWrapper, pragma: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(pragma)
        return int(cursor.fetchone()[0])
