"""`manage.py migrate`: Django's command with a lock, so that servers started together migrate one at a time."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.commands import migrate
from django.db import connections

from chatsite import sqlite_space
from chatsite.databases import sqlite_path
from chatsite.private_files import make_private_database

# Key of the advisory lock: any number that nothing else on the same database uses.
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
                # Altering a large table takes longer than the usual timeouts.
                cursor.execute("SET statement_timeout = 0")
                cursor.execute("SET idle_in_transaction_session_timeout = 0")
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            super().handle(*args, **options)
        finally:
            # Ends the session, and with it the lock and the disabled timeouts.
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]  # only PostgreSQL's has one
