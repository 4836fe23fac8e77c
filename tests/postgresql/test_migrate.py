"""`manage.py migrate` on PostgreSQL: several servers may start at once, and a big table takes long to change."""

from __future__ import annotations

import time
from contextlib import ExitStack

import psycopg

from chat.management.commands.migrate import LOCK
from tests.postgres import PostgreSQL
from tests.server.process import END_SECONDS, running

# Migrating takes a minute on a busy machine.
MIGRATE_SECONDS = 120


def test_concurrent_migrations_all_succeed(shared_postgres: PostgreSQL, database_url: str) -> None:
    with ExitStack() as stack:
        start = ("manage.py", "migrate", "--verbosity", "0")
        processes = [stack.enter_context(running(*start, DATABASE_URL=database_url)) for _ in range(2)]
        for process in processes:
            output, _ = process.communicate(timeout=MIGRATE_SECONDS)
            assert (process.returncode, output) == (0, "")
    applied = "SELECT count(*), count(DISTINCT (app, name)) FROM django_migrations"
    rows, migrations = shared_postgres.execute(applied, database=database_url.rpartition("/")[2])[0]
    assert rows == migrations > 10


def test_migrating_is_not_limited_by_the_statement_timeout(shared_postgres: PostgreSQL, database_url: str) -> None:
    """Here it waits longer than CHAT_DATABASE_SECONDS for another migration, as it would for a long ALTER TABLE."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND now() - query_start > interval '1.5 s'"
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        variables = {"DATABASE_URL": database_url, "CHAT_DATABASE_SECONDS": "1"}
        # The other transaction is idle, but it has no timeout: it is not the site's.
        with running("manage.py", "migrate", "--verbosity", "0", **variables) as process:
            deadline = time.monotonic() + END_SECONDS
            while not shared_postgres.execute(waits):
                assert process.poll() is None
                assert time.monotonic() < deadline
            other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
            output, _ = process.communicate(timeout=MIGRATE_SECONDS)
        assert (process.returncode, output) == (0, "")
