"""The pool limits connections and how long they may take, and survives a restart of the server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Barrier
from typing import Any, Final

import psycopg
import pytest
from django.db import InternalError, OperationalError
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from chatsite.databases import CONNECT_SECONDS, database
from tests.postgres import PostgreSQL
from tests.server.process import ROOT, clean_environment, ended

BUSY: Final = 8


@pytest.fixture(autouse=True)
def _unblock_database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@contextmanager
def site_database(url: str, **options: int) -> Iterator[ConnectionHandler]:
    """Connections with the site's settings. Each thread gets its own, as in Django."""
    settings = database(url, **{"connections": 12, "seconds": 10, **options})
    handler = ConnectionHandler({"default": {}, "pooled": settings})
    try:
        yield handler
    finally:
        handler["pooled"].close()
        handler["pooled"].close_pool()


def ask(handler: ConnectionHandler, query: str = "SELECT 1") -> Any:
    """Run one query as chat.database does: afterwards, the connection goes back to the pool."""
    connection = handler["pooled"]
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]
    finally:
        connection.close()


def ask_at_once(handler: ConnectionHandler, times: int) -> None:
    """Use this many connections at the same time."""
    everybody_has_one = Barrier(times)

    def hold(_: int) -> None:
        connection = handler["pooled"]
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                everybody_has_one.wait(30)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        list(threads.map(hold, range(times)))


def connected(server: PostgreSQL, url: str) -> int:
    name = url.rpartition("/")[2]
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'chatsite'"
    return int(server.execute(query, name)[0][0])


def test_the_first_query_recovers_from_a_restart(own_postgres: PostgreSQL) -> None:
    with site_database(own_postgres.url) as handler:
        ask_at_once(handler, BUSY)
        assert connected(own_postgres, own_postgres.url) == BUSY
        for _ in range(3):
            own_postgres.restart()
            began = time.monotonic()
            assert ask(handler) == 1
            # psycopg's own pool would take that long, and then give up.
            assert time.monotonic() - began < CONNECT_SECONDS
            ask_at_once(handler, BUSY)


def test_an_unavailable_server_is_an_error_after_a_bounded_wait(own_postgres: PostgreSQL) -> None:
    with site_database(own_postgres.url) as handler:
        assert ask(handler) == 1
        own_postgres.stop()
        began = time.monotonic()
        with pytest.raises(OperationalError):
            ask(handler)
        assert time.monotonic() - began < CONNECT_SECONDS + 2
        own_postgres.start()
        assert ask(handler) == 1


def test_an_unresponsive_server_is_an_error_after_a_bounded_wait(own_postgres: PostgreSQL) -> None:
    """Its connections stay open, so checking one before it is used must not wait for a response."""
    with site_database(own_postgres.url) as handler, ThreadPoolExecutor(BUSY) as threads:
        ask_at_once(handler, BUSY)
        own_postgres.freeze()
        asking = [threads.submit(ask, handler) for _ in range(BUSY)]
        try:
            for each in asking:
                with pytest.raises(OperationalError):
                    each.result(timeout=60)
        finally:
            own_postgres.thaw()
        wait(asking)
        deadline = time.monotonic() + 60
        while True:
            try:
                assert ask(handler) == 1
                return
            except OperationalError:
                assert time.monotonic() < deadline


def test_there_are_never_more_connections_than_allowed(shared_postgres: PostgreSQL, database_url: str) -> None:
    with site_database(database_url, connections=3) as handler, ThreadPoolExecutor(12) as threads:
        together = threads.map(lambda _: ask(handler, "SELECT 1 FROM pg_sleep(0.05)"), range(60))
        most = 0
        for answer in together:
            assert answer == 1
            most = max(most, connected(shared_postgres, database_url))
    assert 1 < most <= 3


def test_a_slow_statement_is_aborted_by_the_server(database_url: str) -> None:
    with site_database(database_url, seconds=1) as handler:
        with pytest.raises(OperationalError, match="statement timeout"):
            ask(handler, "SELECT pg_sleep(60)")
        assert ask(handler) == 1


def test_waiting_for_a_lock_times_out(database_url: str) -> None:
    with site_database(database_url, seconds=1) as handler, psycopg.connect(database_url) as other:
        other.execute("CREATE TABLE things (id int)")
        other.commit()
        other.execute("LOCK TABLE things")
        with pytest.raises(OperationalError, match="statement timeout"):
            ask(handler, "SELECT count(*) FROM things")
        other.rollback()
        assert ask(handler, "SELECT count(*) FROM things") == 0


def test_an_idle_transaction_is_aborted(shared_postgres: PostgreSQL, database_url: str) -> None:
    with site_database(database_url, seconds=1) as handler:
        connection = handler["pooled"]
        connection.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE things (id int)")
        deadline = time.monotonic() + 30
        while shared_postgres.execute("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"):
            assert time.monotonic() < deadline
        with pytest.raises(InternalError, match="idle-in-transaction timeout"), connection.cursor() as cursor:
            cursor.execute("SELECT 1")


FORK: Final = """
import os, sys
import django
django.setup()
from django.db import connection

def ask():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    connection.close()
    return pid

# The pool may have several connections, and gives any of them.
before = {ask() for _ in range(5)}
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.write(writing, b"%d" % ask())
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert int(os.read(reading, 20)) not in before | {ask() for _ in range(20)}
print("both could ask")
"""


def test_a_pool_is_not_used_by_a_child_process(database_url: str) -> None:
    environment = clean_environment() | {"DJANGO_SETTINGS_MODULE": "chatsite.settings", "DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "both could ask\n", "")


def test_a_command_exits_without_waiting_for_the_pool(database_url: str) -> None:
    done = ended("-W", "error", "manage.py", "migrate", "--check", DATABASE_URL=database_url)
    assert "couldn't stop thread" not in done.stdout
    assert "Warning" not in done.stdout
