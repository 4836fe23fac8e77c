"""The size of SQLite's file after a deletion."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper
from pytest_django import DjangoDbBlocker

from chatsite import sqlite_space
from chatsite.databases import sqlite_database
from tests.server.process import ended

ROWS = 3000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.sqlite3"


@pytest.fixture
def database(path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    settings = {
        **sqlite_database(path, seconds=5),
        **{"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "TIME_ZONE": None, "CONN_HEALTH_CHECKS": False},
    }
    connection = DatabaseWrapper(settings, "default")
    connection.inc_thread_sharing()
    # Not the database of the tests.
    with django_db_blocker.unblock():
        yield connection
        connection.close()


def fill(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE x (t TEXT)")
        cursor.executemany("INSERT INTO x VALUES (%s)", [("x" * 4000,)] * ROWS)


def empty(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM x")


def size(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(str(connection.settings_dict["NAME"])).stat().st_size


def given_back(connection: BaseDatabaseWrapper) -> int:
    """How many steps it takes."""
    steps = 1
    while sqlite_space.give_back(connection):
        steps += 1
    return steps


def test_a_new_database_frees_deleted_space_in_steps(database: BaseDatabaseWrapper) -> None:
    sqlite_space.prepare(database)
    fill(database)
    full = size(database)
    empty(database)
    assert size(database) > full / 2

    assert given_back(database) > 2

    assert size(database) < full / 20


def test_an_older_database_is_rewritten_once_and_keeps_its_rows(database: BaseDatabaseWrapper, path: Path) -> None:
    fill(database)
    full = size(database)

    sqlite_space.prepare(database)

    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM x")
        assert cursor.fetchone()[0] == ROWS
    empty(database)
    given_back(database)
    assert size(database) < full / 20


def test_without_it_a_file_never_shrinks(database: BaseDatabaseWrapper) -> None:
    """The control for the tests above."""
    fill(database)
    full = size(database)
    empty(database)
    given_back(database)
    assert size(database) > full / 2


def test_a_database_in_use_is_not_rewritten_and_logs_a_warning(
    database: BaseDatabaseWrapper, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(database)
    database.settings_dict["OPTIONS"]["timeout"] = 0
    database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING, "chat"):
            sqlite_space.prepare(database)
    assert ["not rewritten" in message for message in caplog.messages] == [True]


def test_migrate_enables_freeing_space_in_new_and_old_databases(tmp_path: Path) -> None:
    for data_dir, is_old in ((tmp_path / "new", False), (tmp_path / "old", True)):
        if is_old:
            data_dir.mkdir()
            with closing(sqlite3.connect(data_dir / "chat.sqlite3")) as old:
                old.executescript("PRAGMA journal_mode=WAL; CREATE TABLE of_old (t TEXT)")
        made = ended("manage.py", "migrate", "--verbosity", "0", CHAT_DATA_DIR=str(data_dir))
        assert made.returncode == 0, made.stdout
        with closing(sqlite3.connect(data_dir / "chat.sqlite3")) as migrated:
            assert migrated.execute("PRAGMA auto_vacuum").fetchone() == (sqlite_space.INCREMENTAL,)
