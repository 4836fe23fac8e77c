"""Returns the disk space of deleted rows in SQLite.

By default SQLite keeps free pages for reuse, so the file never shrinks. With `auto_vacuum = INCREMENTAL` it can move
pages and truncate the file on request (https://www.sqlite.org/pragma.html#pragma_auto_vacuum).
"""

from __future__ import annotations

import logging
from typing import Final

from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("chat.database")

INCREMENTAL: Final = 2
# Four megabytes. Other writers wait for each step.
PAGES_AT_ONCE: Final = 1000


def prepare(connection: BaseDatabaseWrapper) -> None:
    """Enable incremental vacuum in a SQLite database. An existing database is rewritten once, which takes a while.

    If that fails, the database is left unchanged: the rewrite needs as much free space again, and no other readers.
    """
    if connection.vendor != "sqlite" or _asked(connection, "PRAGMA auto_vacuum") == INCREMENTAL:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
            # Required for the change to take effect. On a new database it costs nothing.
            cursor.execute("VACUUM")
    except DatabaseError as error:
        logger.warning("database: not rewritten, so the space of deleted rows is not freed: %s", error)


def give_back(connection: BaseDatabaseWrapper) -> bool:
    """Free some space of deleted rows, at most PAGES_AT_ONCE pages. Returns whether there is more."""
    if connection.vendor != "sqlite" or _asked(connection, "PRAGMA auto_vacuum") != INCREMENTAL:
        return False
    if not _asked(connection, "PRAGMA freelist_count"):
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        # The pragma frees one page per row fetched.
        cursor.fetchall()
    return _asked(connection, "PRAGMA freelist_count") > 0


def _asked(connection: BaseDatabaseWrapper, pragma: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(pragma)
        return int(cursor.fetchone()[0])
