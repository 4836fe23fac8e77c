"""Controls: with one safeguard of the cluster disabled, the failure that the tests of its row look for occurs."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.followers import Follower
from tests.faults.invariants import answers, check_saved
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.faults.sabotage import command
from tests.members import Member
from tests.server.ending import asked

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
LEASE_SECONDS: Final = 12.0
# Time for several checks by a server that does take over runs.
LOOKED_SECONDS: Final = 3.0
# By then, the next check of the log's position would have come.
CHECKED_SECONDS: Final = 6.0


async def restart(site: Cluster, number: int, *sabotage: str) -> None:
    server = site.servers[number]
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start, command(*sabotage) if sabotage else None)


async def test_without_takeovers_an_answer_is_never_completed(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    await restart(site, 1, "no_takeover")
    prompt = "/hold after=3 count=100 nobody takes it over"
    status, run = await Browser(site, alice, http, url=site.servers[0].url).start(prompt)
    assert status == 201
    reading = Reading(run["run_id"])
    following = asyncio.create_task(Follower(site, alice, http).over_socket(reading))
    await reading.has(TOKEN)
    await asyncio.to_thread(site.servers[0].kill)
    killed_at, size = time.monotonic(), reading.size
    await asyncio.sleep(LEASE_SECONDS + LOOKED_SECONDS - (time.monotonic() - killed_at))
    assert (reading.outcome, "reset" in reading.names) == ("", False)
    assert reading.size >= size
    assert await asyncio.to_thread(answers, site, reading.run_id) == []
    # A server that does take over runs finishes it.
    await restart(site, 1)
    await asked(upstream, prompt, times=2)
    upstream.release()
    await following
    await asyncio.to_thread(site.servers[0].start)
    await check_saved(browser, reading, numbered(prompt, 100))


async def test_without_the_checks_a_lost_end_is_not_found(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    await restart(site, 1, "no_checks")
    prompt = "/hold after=3 count=30 nobody checks"
    wire = site.to_redis[1]
    try:
        async with socket(site, alice, port=site.servers[1].port) as connection:
            status, run = await Browser(site, alice, http, url=site.servers[0].url).start(prompt)
            assert status == 201
            reading = Reading(run["run_id"])
            await connection.subscribe(reading)
            wire.rob(lambda data: b"done" in data and run["run_id"].encode() in data)
            upstream.release()
            await reading.has(30 * TOKEN)
            with pytest.raises(TimeoutError):
                await reading.ended(seconds=CHECKED_SECONDS)
            assert wire.lost
    finally:
        wire.rob(None)
        await restart(site, 1)
    assert await browser.follow(reading) == 200
    await check_saved(browser, reading, numbered(prompt, 30))
