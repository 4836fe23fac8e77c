"""A real server on PostgreSQL: failures of the database only delay saving, and lose nothing."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg
import pytest

from tests.faults.client import Browser, numbered, open_socket, socket
from tests.faults.invariants import check_log
from tests.faults.processes import Site, Upstream
from tests.faults.reading import Reading
from tests.members import prepare
from tests.postgres import PostgreSQL

TOKEN: Final = len(numbered("", 1))
PROMPT_SECONDS: Final = 2.0
SETTINGS: Final = {"CHAT_SENDS_PER_MINUTE": "100000", "CHAT_LIVE_RUNS_PER_USER": "100"}

StartSite = Callable[..., Site]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    server = Upstream(tmp_path_factory.mktemp("upstream") / "log")
    yield server
    server.stop()


@pytest.fixture
def start_site(tmp_path: Path, own_postgres: PostgreSQL, upstream: Upstream) -> Iterator[StartSite]:
    """Starts the site on `own_postgres`. After the test, the site is stopped and its log checked."""
    sites: list[Site] = []

    def start(**variables: str) -> Site:
        data_dir = tmp_path / "data"
        data_dir.mkdir()
        settings = {"OPENAI_BASE_URL": upstream.base_url, "DATABASE_URL": own_postgres.url, **SETTINGS, **variables}
        site = Site(data_dir, prepare(data_dir, DATABASE_URL=own_postgres.url), **settings)
        sites.append(site)
        site.start()
        return site

    yield start
    for site in sites:
        site.stop()
        check_log(site.log, expected=site.expected)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=90)) as session:
        yield session


def saved(server: PostgreSQL, reading: Reading) -> list[str]:
    rows = server.execute("SELECT text FROM chat_message WHERE run_id = %s", uuid.UUID(reading.run_id))
    return [text for (text,) in rows]


async def prompt(call: Any) -> Any:
    async with asyncio.timeout(PROMPT_SECONDS):
        return await call


async def until(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0)


async def test_a_turn_ending_during_an_outage_is_saved_afterwards(
    start_site: StartSite, own_postgres: PostgreSQL, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    site = start_site()
    site.expected = ("not checked", "does not answer", "failed")
    alice = site.cast["alice"]
    browser = Browser(site, alice, http)
    async with socket(site, alice) as connection:
        texts = [f"/hold after=20 count=25 turn {number}" for number in range(5)]
        readings = [await connection.run(text) for text in texts]
        await asyncio.gather(*(reading.has(20 * TOKEN) for reading in readings))
        own_postgres.stop()
        upstream.release()
        # Every answer is complete and sent, and its reader is told why it is not done.
        for reading in readings:
            await reading.until(lambda each: "status" in each.names)
            assert reading.size == 25 * TOKEN
            assert not reading.outcome
        own_postgres.start()
        began = time.monotonic()
        for text, reading in zip(texts, readings, strict=True):
            await reading.ended()
            assert reading.outcome == "done"
            assert saved(own_postgres, reading) == [reading.text] == [numbered(text, 25)]
        assert time.monotonic() - began < 15
        after = await connection.run("/numbered count=5 after")
        await after.ended()
    assert (await prompt(browser.call("GET", "/api/conversations")))[0] == 200
    assert (await prompt(browser.call("GET", "/readyz")))[0] == 200
    assert own_postgres.execute("SELECT count(*) FROM chat_message") == [(12,)]


async def test_a_restart_between_turns_is_not_noticed(
    start_site: StartSite, own_postgres: PostgreSQL, http: aiohttp.ClientSession
) -> None:
    site = start_site()
    browser = Browser(site, site.cast["alice"], http)
    for number in range(3):
        reading = await browser.stream(f"/numbered count=5 turn {number}")
        assert saved(own_postgres, reading) == [reading.text]
        own_postgres.restart()
        pages = await asyncio.gather(*(browser.call("GET", "/api/conversations") for _ in range(10)))
        assert [status for status, _ in pages] == [200] * 10
    assert "Traceback" not in site.log


async def test_locked_tables_delay_saves_but_no_stream_and_no_read(
    start_site: StartSite, own_postgres: PostgreSQL, http: aiohttp.ClientSession
) -> None:
    """More turns wait to be saved than there are threads and connections."""
    site = start_site(CHAT_DATABASE_SECONDS="2")
    alice = site.cast["alice"]
    browser = Browser(site, alice, http)
    async with socket(site, alice) as connection:
        long = await connection.run("/numbered count=2000 rate=100 long")
        with psycopg.connect(own_postgres.url) as other:
            other.execute("LOCK TABLE chat_message IN EXCLUSIVE MODE")
            short = [await connection.run(f"/numbered count=10 short {number}") for number in range(20)]
            for reading in short:
                await reading.until(lambda each: "status" in each.names)
            for _ in range(20):
                at = long.size
                assert (await prompt(browser.call("GET", "/api/conversations")))[0] == 200
                assert (await prompt(browser.call("GET", "/readyz")))[0] == 200
                async with asyncio.timeout(PROMPT_SECONDS), socket(site, alice, cookie=True):
                    pass
                await long.has(at + TOKEN, seconds=PROMPT_SECONDS)
            assert not any(reading.outcome for reading in short)
            other.rollback()
        for reading in short:
            await reading.ended()
            assert saved(own_postgres, reading) == [reading.text]
        await connection.stop(long.run_id)
        await long.ended()
    assert saved(own_postgres, long) == [long.text]


async def test_an_unresponsive_server_delays_no_stream_and_times_out(
    start_site: StartSite, own_postgres: PostgreSQL, upstream: Upstream
) -> None:
    """Its connections stay open, so only our own timeout can notice."""
    site = start_site(CHAT_DATABASE_SECONDS="1")
    site.expected = ("not checked", "does not answer", "request failed")
    alice = site.cast["alice"]
    async with socket(site, alice) as connection:
        long = await connection.run("/numbered count=2000 rate=100 long")
        held = await connection.run("/hold after=20 count=25 held")
        await held.has(20 * TOKEN)
        own_postgres.freeze()
        try:
            upstream.release()
            # Responses to probes are cached for a second.
            await until(lambda: not site.is_ready())
            await held.until(lambda each: "status" in each.names)
            refused = await connection.send("/numbered count=5 refused")
            assert (refused["type"], refused["code"]) == ("error", "unavailable")
            at = long.size
            await long.has(at + TOKEN, seconds=PROMPT_SECONDS)
        finally:
            own_postgres.thaw()
        await held.ended()
        assert saved(own_postgres, held) == [held.text]
        await until(site.is_ready)
        await connection.stop(long.run_id)
        await long.ended()
        after = await connection.run("/numbered count=5 after")
        await after.ended()
        assert after.outcome == "done"


async def test_pages_and_sockets_report_an_unresponsive_database(
    start_site: StartSite, own_postgres: PostgreSQL, http: aiohttp.ClientSession
) -> None:
    site = start_site(CHAT_DATABASE_SECONDS="1")
    site.expected = ("not checked", "Internal Server Error", "Service Unavailable")
    alice = site.cast["alice"]
    own_postgres.freeze()
    try:
        for headers in (alice.cookie, {}):
            async with http.get(f"{site.url}/", headers=headers) as response:
                text = await response.text()
                assert (response.status, response.headers["Retry-After"]) == (503, "10"), text
                assert "The database is not responding" in text
        for cookie in (True, False):
            opened = await open_socket(site, alice, cookie=cookie)
            assert await opened.closed() == 4412
            assert opened.bye is not None
            assert opened.bye["code"] == 4412
    finally:
        own_postgres.thaw()
    await until(site.is_ready)
    async with socket(site, alice, cookie=True) as connection:
        assert (await connection.run("/numbered count=5 after")).run_id


async def test_streams_hold_no_connection(
    start_site: StartSite, own_postgres: PostgreSQL, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    """Ten times as many streams, over POST and over GET, as there are connections."""
    site = start_site(CHAT_DATABASE_CONNECTIONS="3")
    alice = site.cast["alice"]
    browser = Browser(site, alice, http)
    url = f"{site.url}/api/runs/stream"
    async with AsyncExitStack() as stack:
        for number in range(30):
            body = {"text": f"/hold after=2 count=3 stream {number}"}
            response = await stack.enter_async_context(http.post(url, json=body, headers=alice.bearer))
            assert response.status == 200
        for _ in range(3):
            response = await stack.enter_async_context(http.get(f"{site.url}/api/events", headers=alice.bearer))
            assert response.status == 200
        for _ in range(10):
            assert (await prompt(browser.call("GET", "/api/conversations")))[0] == 200
        busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chatsite'"
        assert own_postgres.execute(busy)[0][0] <= 3
        upstream.release()
        await until(lambda: own_postgres.execute("SELECT count(*) FROM chat_message") == [(60,)])
