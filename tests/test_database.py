"""chat.database: which calls wait behind which. The calls here wait for events and use no table."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection

from chat import database
from chat.models import User
from chat.protocol.errors import ApiError
from chat.rate_limit import ConcurrencyLimit
from chatsite import databases, request_ids
from tests.cast import make_user

SECONDS = 20
MANY = 20

pytestmark = pytest.mark.django_db(transaction=True)
# Connections to other databases are pooled.
sqlite_only = pytest.mark.sqlite


@contextmanager
def held() -> Iterator[threading.Event]:
    """An event for the calls of a test to wait for. It is set at the end, so that no thread is left behind."""
    event = threading.Event()
    try:
        yield event
    finally:
        event.set()


def name_of_thread() -> str:
    return threading.current_thread().name


async def test_reads_and_saves_do_not_wait_for_writes() -> None:
    with held() as event:
        writing = [asyncio.create_task(database.write(event.wait, SECONDS)) for _ in range(MANY)]
        async with asyncio.timeout(SECONDS):
            assert (await database.read(name_of_thread)).startswith("db-read")
            assert (await database.save(name_of_thread)).startswith("db-save")
        assert not any(task.done() for task in writing)
        event.set()
        assert await asyncio.gather(*writing) == [True] * MANY


async def test_log_lines_of_a_thread_have_the_request_id() -> None:
    """The name is in the caller's context, as for every other line about the request."""
    named: list[str] = []
    noted = threading.Event()

    def note() -> None:
        named.append(request_ids.current())
        noted.set()

    context = contextvars.copy_context()
    context.run(request_ids._current.set, "job-17")
    for call in (database.read, database.find, database.write, database.save):
        await asyncio.create_task(call(note), context=context)
    noted.clear()
    context.run(database.write_later, "note", note)
    assert await asyncio.to_thread(noted.wait, SECONDS)
    await database.write(note)

    assert named == ["job-17"] * 5 + [""]


async def test_reads_and_writes_do_not_wait_for_saves() -> None:
    with held() as event:
        saving = [asyncio.create_task(database.save(event.wait, SECONDS)) for _ in range(MANY)]
        async with asyncio.timeout(SECONDS):
            assert (await database.read(name_of_thread)).startswith("db-read")
            assert (await database.write(name_of_thread)).startswith("db-write")
        event.set()
        assert await asyncio.gather(*saving) == [True] * MANY


async def test_large_reads_of_one_user_take_one_thread() -> None:
    limit = ConcurrencyLimit(each=1, altogether=2, waiting=MANY)
    begun: list[int] = []

    def read(user_id: int, event: threading.Event) -> bool:
        begun.append(user_id)
        return event.wait(SECONDS)

    with held() as event:
        reading = [asyncio.create_task(database.read_in_turn(limit, 1, lambda: read(1, event))) for _ in range(MANY)]
        async with asyncio.timeout(SECONDS):
            await until(lambda: begun == [1])
            # Calls of others overtake them, with and without a limit.
            assert (await database.read_in_turn(limit, 2, name_of_thread)).startswith("db-read")
            assert (await database.read(name_of_thread)).startswith("db-read")
        assert begun == [1]
        event.set()
        assert await asyncio.gather(*reading) == [True] * MANY


async def test_without_a_limit_one_user_takes_all_threads() -> None:
    """The control of the test above."""
    limit = ConcurrencyLimit(each=MANY, altogether=MANY, waiting=MANY)
    begun: list[int] = []

    def read(event: threading.Event) -> bool:
        begun.append(1)
        return event.wait(SECONDS)

    with held() as event:
        reading = [asyncio.create_task(database.read_in_turn(limit, 1, lambda: read(event))) for _ in range(MANY)]
        async with asyncio.timeout(SECONDS):
            await until(lambda: len(begun) == database._readers._max_workers)
            other = asyncio.create_task(database.read(name_of_thread))
            done, _ = await asyncio.wait([other], timeout=0.1)
            assert not done
        event.set()
        await asyncio.gather(*reading, other)


async def test_reconnecting_does_not_get_a_second_thread() -> None:
    limit = ConcurrencyLimit(each=1, altogether=2, waiting=1)
    begun: list[str] = []

    def read(name: str, event: threading.Event) -> bool:
        begun.append(name)
        return event.wait(SECONDS)

    with held() as event:
        first = asyncio.create_task(database.read_in_turn(limit, 1, lambda: read("first", event)))
        async with asyncio.timeout(SECONDS):
            await until(lambda: bool(begun))
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            second = asyncio.create_task(database.read_in_turn(limit, 1, lambda: read("second", event)))
            await asyncio.sleep(0)
            with pytest.raises(ApiError) as refused:
                await database.read_in_turn(limit, 1, lambda: read("third", event))
            assert (refused.value.code, refused.value.retry_after) == ("rate_limited", 1)
            assert begun == ["first"]
            event.set()
            assert await second
    assert begun == ["first", "second"]


async def test_a_failed_read_gives_its_place_back() -> None:
    limit = ConcurrencyLimit(each=1, altogether=1, waiting=1)

    def fail() -> None:
        raise DatabaseError("no room")

    for _ in range(3):
        with pytest.raises(DatabaseError):
            await database.read_in_turn(limit, 1, fail)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def test_a_pending_note_is_not_queued_again() -> None:
    noted: list[str] = []
    with held() as event:
        writing = [asyncio.create_task(database.write(event.wait, SECONDS)) for _ in range(2)]
        await asyncio.sleep(0)
        for _ in range(MANY):
            database.write_later("one", lambda: noted.append("one"))
            database.write_later("other", lambda: noted.append("other"))
        event.set()
        await asyncio.gather(*writing)
        await database.write(name_of_thread)
        async with asyncio.timeout(SECONDS):
            while len(noted) < 2:
                await asyncio.sleep(0)
    assert sorted(noted) == ["one", "other"]


async def test_a_failed_note_affects_no_other_write(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise DatabaseError("no room")

    database.write_later("failing", fail)
    async with asyncio.timeout(SECONDS):
        while "no room" not in caplog.text:
            await asyncio.sleep(0)
    assert (await database.write(name_of_thread)).startswith("db-write")


def the_connection() -> Any:
    """This thread's connection, opened if it was not."""
    connection.ensure_connection()
    return connection.connection


@sqlite_only
async def test_a_thread_keeps_its_connection_until_release() -> None:
    first = await database.save(the_connection)
    assert await database.save(the_connection) is not first, "the control: nobody keeps any yet"

    let_go = await database.keep_open()
    try:
        kept = await database.save(the_connection)
        assert await database.save(the_connection) is kept
    finally:
        await let_go()

    assert is_closed(kept)
    assert await database.save(the_connection) is not kept


@sqlite_only
async def test_connections_are_kept_until_the_last_holder_releases_them() -> None:
    let_go, let_go_too = await database.keep_open(), await database.keep_open()
    kept = await database.save(the_connection)
    await let_go()
    await let_go()
    assert await database.save(the_connection) is kept
    await let_go_too()
    assert await database.save(the_connection) is not kept


@sqlite_only
async def test_a_failed_connection_is_not_kept() -> None:
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    let_go = await database.keep_open()
    try:
        kept = await database.save(the_connection)
        with pytest.raises(DatabaseError):
            await database.save(fail)
        assert await database.save(the_connection) is not kept
    finally:
        await let_go()


@sqlite_only
async def test_a_hanging_thread_delays_closing_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CLOSE_SECONDS", 0.1)
    let_go = await database.keep_open()
    idle = await database.read(the_connection)
    with held() as event:
        hanging = [asyncio.create_task(database.write(event.wait, SECONDS))]
        await asyncio.sleep(0)
        async with asyncio.timeout(SECONDS):
            await let_go()
        assert is_closed(idle)
        assert not hanging[0].done()
        event.set()
        await asyncio.gather(*hanging)


def is_closed(raw: sqlite3.Connection) -> bool:
    try:
        raw.total_changes  # noqa: B018
    except sqlite3.ProgrammingError:
        return True
    return False


class TestAddress:
    def of(self, url: str) -> dict[str, Any]:
        return databases.database(url, connections=7, seconds=3)

    def test_sqlite_uses_wal_and_immediate_transactions(self) -> None:
        options = self.of("sqlite:////srv/chat.sqlite3")["OPTIONS"]
        assert options["transaction_mode"] == "IMMEDIATE"
        assert options["timeout"] == 3
        assert "journal_mode=WAL" in options["init_command"]

    def test_postgresql_has_a_pool_and_bounds(self) -> None:
        found = self.of("postgres://chat:p%40ss@db.example.org:5433/chat")
        assert (found["ENGINE"], found["HOST"], found["PORT"]) == ("chatsite.postgresql", "db.example.org", 5433)
        assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("chat", "p@ss", "chat")
        options = found["OPTIONS"]
        assert options["pool"]["max_size"] == 7
        assert "statement_timeout=3000" in options["options"]

    def test_options_of_the_address_are_kept(self) -> None:
        url = "postgresql://chat@db/chat?sslmode=verify-full&connect_timeout=2&options=-c%20search_path%3Dchat"
        options = self.of(url)["OPTIONS"]
        assert options["sslmode"] == "verify-full"
        assert options["connect_timeout"] == 2
        assert options["options"].endswith("-c search_path=chat")
        assert "statement_timeout" in options["options"]

    @pytest.mark.parametrize("url", ["mysql://chat@db/chat", "nonsense", "postgresql://chat@db:port/chat"])
    def test_another_database_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError):
            self.of(url)


async def test_earlier_readers_see_later_writes() -> None:
    assert await database.read(User.objects.count) == 0
    await database.write(make_user, "dora")
    assert await database.read(User.objects.count) == 1
