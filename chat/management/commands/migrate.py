"""`manage.py migrate`: Django's own, once at a time, however many servers are started together."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.commands import migrate
from django.db import connections

from chatsite import sqlite_space
from chatsite.databases import sqlite_path
from chatsite.private_files import make_private_database

# Any number that nothing else on the same database uses.
LOCK: Final = 4_853_021_716


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            # SQLite: every migration takes the write lock at its start.
            if (path := sqlite_path(connection.settings_dict)) is not None:
                make_private_database(path)
            sqlite_space.prepare(connection)
            super().handle(*args, **options)
            return
        try:
            with connection.cursor() as cursor:
                # Changing a table takes as long as the table is big.
                cursor.execute("SET statement_timeout = 0")
                cursor.execute("SET idle_in_transaction_session_timeout = 0")
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            super().handle(*args, **options)
        finally:
            # The session ends, and with it its lock and its patience.
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]  # only this vendor's has one
