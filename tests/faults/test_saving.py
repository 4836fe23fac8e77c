"""Row 22: a turn is saved completely or not at all, and what could not be saved is not lost."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import aiohttp

from tests.faults.client import Browser, numbered, open_socket, socket
from tests.faults.conftest import StartSite
from tests.faults.invariants import answers, check_not_saved, check_saved, check_whole_turns, turns
from tests.faults.processes import Server, Site, Upstream
from tests.faults.reading import Reading

TOKEN: Final = len(numbered("", 1))
# More than a new database and its log take, less than they would need.
FULL_BYTES: Final = 700_000
# Runs inside the transaction, after the question's row: the answer's insert then takes long, or fails.
SLOW: Final = """
CREATE TRIGGER fault BEFORE INSERT ON chat_message WHEN NEW.role = 'assistant' BEGIN
    SELECT count(*) FROM (
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000000) SELECT x FROM n
    );
END
"""
REFUSING: Final = """
CREATE TRIGGER fault BEFORE INSERT ON chat_message WHEN NEW.role = 'assistant' BEGIN
    SELECT RAISE(ABORT, 'UNIQUE constraint failed: the fault of this test');
END
"""


async def test_a_locked_database_fails_the_save_and_keep_saves_later(
    start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site(CHAT_SAVE_SECONDS="1")
    browser = Browser(site, site.cast["alice"], http)
    prompt = "/numbered count=30 locked"
    async with socket(site, site.cast["alice"]) as connection:
        with closing(site.connect()) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            reading = await connection.run(prompt)
            await reading.ended(seconds=60)
            holder.execute("ROLLBACK")
        assert reading.end["code"] == "save_failed"
        assert reading.end["retryable"] is True
        assert reading.text == numbered(prompt, 30)
        check_not_saved(site, reading)
        # The log still has everything for a late reader.
        late = Reading(reading.run_id)
        await connection.subscribe(late)
        await late.ended()
        assert late.text == reading.text
    status, message = await browser.call("POST", f"/api/runs/{reading.run_id}/keep")
    assert (status, message["text"]) == (200, reading.text)
    assert answers(site, reading.run_id) == [reading.text]
    assert turns(site, reading.start["client_message_id"]) == 1


async def test_a_turn_is_saved_once_the_disk_has_room(start_site: StartSite, http: aiohttp.ClientSession) -> None:
    """The process may not grow its files, as on a full disk. Shorter turns are still saved."""
    site = start_site()
    alice, [server] = site.cast["alice"], site.servers
    browser = Browser(site, alice, http)
    async with socket(site, alice) as connection:
        await (await connection.run("/hello before")).ended()
        with no_room(server):
            reading = await connection.run("/big size=900000")
            await reading.until(lambda each: "status" in each.names)
            assert (reading.size, reading.outcome) == (900_000, "")
            assert answers(site, reading.run_id) == []
            check_whole_turns(site)
            assert (await browser.call("GET", "/api/conversations"))[0] == 200
        await reading.ended()
        await check_saved(browser, reading, "0123456789" * 90_000)
        after = await connection.run("/hello after")
        await after.ended()
    await check_saved(browser, after)


@contextmanager
def no_room(server: Server) -> Iterator[None]:
    before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)


async def test_an_integrity_error_leaves_no_half_turn_and_keep_saves_later(
    start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site()
    site.expected = ("saving failed",)
    browser = Browser(site, site.cast["alice"], http)
    with closing(site.connect()) as database:
        database.execute(REFUSING)
    async with socket(site, site.cast["alice"]) as connection:
        reading = await connection.run("/numbered count=30 integrity")
        await reading.ended()
    assert reading.end["code"] == "save_failed"
    check_not_saved(site, reading)
    check_whole_turns(site)
    path = f"/api/runs/{reading.run_id}/keep"
    status, refused = await browser.call("POST", path)
    assert (status, refused["error"]["code"], refused["error"]["retryable"]) == (503, "unavailable", True)
    with closing(site.connect()) as database:
        database.execute("DROP TRIGGER fault")
    status, message = await browser.call("POST", path)
    assert (status, message["text"]) == (200, numbered("/numbered count=30 integrity", 30))
    assert turns(site, reading.start["client_message_id"]) == 1


async def test_kill_inside_the_transaction_leaves_nothing_and_the_retry_is_one_turn(
    start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    site = start_site()
    with closing(site.connect()) as database:
        database.execute(SLOW)
    connection = await open_socket(site, site.cast["alice"])
    reading = await connection.run("/numbered count=30 inside")
    await reading.has(30 * TOKEN)
    await in_transaction(site)
    site.kill()
    await connection.closed()
    assert not reading.outcome
    with closing(site.connect()) as database:
        database.execute("DROP TRIGGER fault")
    assert answers(site, reading.run_id) == []
    assert turns(site, reading.start["client_message_id"]) == 0
    check_whole_turns(site)

    await check_retry(site, http, reading)


async def in_transaction(site: Site) -> None:
    """Wait until the site holds the write lock, in the middle of saving."""
    with closing(site.connect(seconds=0)) as other:
        async with asyncio.timeout(60):
            while True:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return
                other.execute("ROLLBACK")
                await asyncio.sleep(0)


async def test_kill_in_mid_run_leaves_nothing_and_the_retry_is_one_turn(
    start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site()
    alice = site.cast["alice"]
    saved = Browser(site, alice, http)
    whole = await saved.stream("/hello before")
    connection = await open_socket(site, alice)
    readings = [await connection.run(f"/hold after=10 count=500 middle {each}") for each in range(3)]
    await asyncio.gather(*(reading.has(10 * TOKEN) for reading in readings))
    site.kill()
    await connection.closed()
    for reading in readings:
        assert not reading.outcome
        assert answers(site, reading.run_id) == []
        assert turns(site, reading.start["client_message_id"]) == 0
    assert site.rows("SELECT count(*) FROM chat_conversation") == [(1,)]
    check_whole_turns(site)

    await check_retry(site, http, readings[0], text="/hello again")
    assert answers(site, whole.run_id) == [whole.text]


async def check_retry(site: Site, http: aiohttp.ClientSession, lost: Reading, *, text: str = "") -> None:
    """Retry with the same id after the restart, as the outbox does: one complete turn. The lost run is unknown."""
    site.start()
    browser = Browser(site, site.cast["alice"], http)
    status, unknown = await browser.call("GET", f"/api/runs/{lost.run_id}/events?after={lost.cursor}")
    assert (status, unknown["error"]["code"]) == (404, "not_found")
    message = {
        "text": text or lost.start["user_message"]["text"],
        "client_message_id": lost.start["client_message_id"],
    }
    again = await browser.stream(**message)
    await check_saved(browser, again)
    assert turns(site, lost.start["client_message_id"]) == 1


async def test_the_database_file_is_not_written_while_a_run_streams(
    start_site: StartSite, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    """SQLite's `data_version` shows other connections' commits: none between a send and its `done`."""
    site = start_site()
    alice = site.cast["alice"]
    browser = Browser(site, alice, http)
    with closing(site.connect()) as database:
        async with socket(site, alice) as connection:
            await (await connection.run("/hello warming up")).ended()
            await quiet(database)
            before = version(database)
            reading = await connection.run("/hold after=20 count=25")
            await reading.has(20 * TOKEN)
            over_http = Reading(reading.run_id)
            assert await browser.follow(over_http, until=20 * TOKEN) == 200
            assert (await browser.call("GET", "/api/conversations"))[0] == 200
            assert version(database) == before
            upstream.release()
            await reading.ended()
            # The control, and what `done` promises: the turn is written by now.
            assert version(database) != before
    await check_saved(browser, reading)


def version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA data_version").fetchone()[0])


async def quiet(database: sqlite3.Connection) -> None:
    """Wait until the token's last use is saved, which happens in the background."""
    async with asyncio.timeout(60):
        while not database.execute("SELECT 1 FROM chat_apitoken WHERE last_used_at IS NOT NULL").fetchone():
            await asyncio.sleep(0)
