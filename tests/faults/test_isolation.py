"""Row 21: neither answers at full speed nor a locked database delay other requests."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from tests.faults.client import Browser, Socket, numbered, socket
from tests.faults.conftest import StartSite
from tests.faults.invariants import answers, check_saved
from tests.faults.processes import Site
from tests.faults.reading import Reading
from tests.members import Member

ANSWERED_SECONDS: Final = 0.1
SLOWER: Final = 5
TRIALS: Final = 9
STREAMS: Final = 3
# At least; the lock is released only when everything else was tried.
LOCKED_SECONDS: Final = 8.0
# A handshake reads the database, which this lock allows; nothing else may delay it.
PROMPT_SECONDS: Final = 6.0
TOKEN: Final = len(numbered("", 1))


async def test_requests_are_answered_while_answers_stream_at_full_speed(
    site: Site, alice: Member, browser: Browser
) -> None:
    """On the socket that streams: stop, a bad ack (a good one has no reply), a second send."""
    async with socket(site, alice) as idle:
        before = await prompt_replies(idle)
    async with socket(site, alice) as connection:
        streams = [await connection.run(f"/numbered count=60000 rate=1000 speed {each}") for each in range(STREAMS)]
        await asyncio.gather(*(stream.has(100 * TOKEN) for stream in streams))
        meanwhile = await prompt_replies(connection)
        assert not any(stream.outcome for stream in streams)
        for stream in streams:
            await connection.stop(stream.run_id)
        await asyncio.gather(*(stream.ended() for stream in streams))
    for stream in streams:
        await check_saved(browser, stream)
    async with socket(site, alice) as idle:
        after = await prompt_replies(idle)
    # A busy machine is slower at everything, and may have become busy only in between.
    for kind, seconds in meanwhile.items():
        usual = max(before[kind], after[kind])
        assert seconds < ANSWERED_SECONDS + SLOWER * usual, (before, meanwhile, after)


async def prompt_replies(connection: Socket) -> dict[str, float]:
    """Seconds until the reply to each kind of request: from the fastest third, because the machine may be busy."""
    seconds: dict[str, list[float]] = {"ack": [], "send": [], "stop": []}

    async def timed(kind: str, reply: Any) -> Any:
        began = time.monotonic()
        result = await reply
        seconds[kind].append(time.monotonic() - began)
        return result

    for _ in range(TRIALS):
        refused = await timed("ack", connection.ask("ack", frame=10**9))
        assert refused["code"] == "bad_request"
        second = await timed("send", connection.send(f"/stall after=1 second {uuid.uuid4()}"))
        assert second["type"] == "ok"
        assert (await timed("stop", connection.stop(second["run_id"])))["type"] == "ok"
        await connection.reading(second["run_id"]).ended()
    return {kind: sorted(values)[TRIALS // 3] for kind, values in seconds.items()}


async def test_a_locked_database_delays_only_saving(start_site: StartSite, http: aiohttp.ClientSession) -> None:
    """Another process holds the lock for 8 s: streams, handshakes, sends and stops work, and the turns are saved."""
    site = start_site()
    alice, bob, charlie = (site.cast[name] for name in ("alice", "bob", "charlie"))
    browser = Browser(site, alice, http)
    async with socket(site, alice) as connection:
        short = await connection.run("/numbered count=50 rate=50 short")
        long = await connection.run("/numbered count=20000 rate=100 long")
        await long.has(5 * TOKEN)
        async with locked(site) as release_at:
            await short.has(50 * TOKEN)
            at = long.size
            # A session, a token that has been used, and one that is used for the first time.
            for member, cookie in ((alice, True), (alice, False), (bob, False), (charlie, True)):
                async with asyncio.timeout(PROMPT_SECONDS), socket(site, member, cookie=cookie):
                    pass
            second = await prompt(connection.run("/numbered count=20 rate=100 second"))
            assert (await prompt(browser.call("GET", "/api/conversations")))[0] == 200
            assert (await prompt(Browser(site, bob, http).call("GET", "/api/conversations")))[0] == 200
            status, over_http = await prompt(browser.start("/stall after=1 over http"))
            assert status == 201
            assert await prompt(browser.stop(over_http["run_id"])) == 202
            await second.has(20 * TOKEN)
            assert long.size > at
            while time.monotonic() < release_at:
                at = long.size
                await long.has(at + TOKEN, seconds=PROMPT_SECONDS)
            assert answers(site, short.run_id) == []
            assert not short.outcome
            assert not second.outcome
        for reading in (short, second):
            await reading.ended(seconds=30)
        await connection.stop(long.run_id)
        await long.ended()
        stopped = Reading(over_http["run_id"])
        assert await browser.follow(stopped) == 200
    await check_saved(browser, short, numbered("/numbered count=50 rate=50 short", 50))
    await check_saved(browser, second, numbered("/numbered count=20 rate=100 second", 20))
    await check_saved(browser, long)
    await check_saved(browser, stopped)


async def prompt(call: Any) -> Any:
    async with asyncio.timeout(PROMPT_SECONDS):
        return await call


@asynccontextmanager
async def locked(site: Site) -> AsyncIterator[float]:
    """Hold SQLite's EXCLUSIVE lock during the block. Yields the time at which eight seconds have passed."""
    holder = site.connect()
    holder.execute("BEGIN EXCLUSIVE")
    release_at = time.monotonic() + LOCKED_SECONDS
    try:
        yield release_at
    finally:
        holder.execute("ROLLBACK")
        holder.close()
