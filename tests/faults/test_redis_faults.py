"""Rows 10, 16, 17, R6 to R8: Redis restarted, emptied, replaced, frozen, unreachable; lost messages."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.followers import Follower
from tests.faults.invariants import check_saved, check_whole_turns, upstream_closed
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.faults.rows.redis_faults import BRIEF, Fault, partitioned, paused, replaced, under
from tests.faults.rows.rig import Rig
from tests.members import Member

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
# A lease is renewed every 3 s and a log's position checked every 5 s; the rest allows for a busy machine. Without
# them, the stop would not arrive in this time, and the end never.
STOPPED_SECONDS: Final = 3.5 + 30
FOUND_SECONDS: Final = 6.0 + 40
# A call's own timeout for Redis, and time for a busy machine. Without the timeout, it would wait until Redis resumes.
REFUSED_SECONDS: Final = 5.0 + 25
# Less than that timeout, on top of what the same pages take while Redis responds.
UNRELATED_SECONDS: Final = 4.0
SLOWER: Final = 3
# For the servers to subscribe again.
AGAIN_SECONDS: Final = 30.0


@pytest.mark.parametrize("fault", [*BRIEF, replaced, partitioned, paused], ids=lambda fault: fault.__name__)
async def test_answers_survive_a_redis_outage(fault: Fault, rig: Rig, site: Cluster) -> None:
    trials = await under(rig, fault, runs=6)
    assert [trial for trial in trials if trial.failure] == []
    assert len(trials) == 6
    check_whole_turns(site)


async def kill_subscriptions(site: Cluster) -> None:
    """Retries, because there may be none yet since the last call."""
    async with asyncio.timeout(AGAIN_SECONDS):
        while not site.redis.command("CLIENT", "KILL", "TYPE", "pubsub"):
            await asyncio.sleep(0.05)


async def test_no_reader_notices_when_the_subscriptions_are_killed(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession
) -> None:
    prompt = "/numbered count=100 rate=25 subscriptions"
    run = await browser.start(prompt)
    readings = [Reading(run[1]["run_id"]) for _ in range(4)]
    followers = [Follower(site, alice, http) for _ in readings]
    async with asyncio.TaskGroup() as following:
        for number, (follower, reading) in enumerate(zip(followers, readings, strict=True)):
            following.create_task((follower.over_socket, follower.over_sse)[number % 2](reading))
        for tokens in (10, 20, 30, 40):
            await asyncio.gather(*(reading.has(tokens * TOKEN) for reading in readings))
            await kill_subscriptions(site)
    assert [follower.connections for follower in followers] == [1] * 4
    for reading in readings:
        await check_saved(browser, reading, numbered(prompt, 100))
        assert "reset" not in reading.names


async def test_requests_time_out_while_redis_hangs(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession
) -> None:
    """R7: what needs Redis fails within its 5 s timeout, the rest works as usual, and afterwards everything works."""
    whole = await browser.stream("/hello before")
    status, run = await browser.start("/numbered count=20000 rate=5 not saved yet")
    assert status == 201
    visitor = Browser(site, alice, http)
    visitor.headers = alice.cookie
    conversation_id = whole.start["conversation_id"]

    async def unrelated() -> float:
        """Seconds for requests that do not need Redis."""
        at = time.monotonic()
        assert (await browser.call("GET", f"/api/conversations/{conversation_id}/messages"))[0] == 200
        assert (await browser.call("GET", "/healthz"))[0] == 200
        assert (await visitor.call("GET", f"/c/{conversation_id}"))[0] == 200
        return time.monotonic() - at

    usual = max([await unrelated() for _ in range(3)])
    site.redis.pause()
    try:
        began = time.monotonic()
        refused = asyncio.create_task(browser.start("/hello meanwhile"))
        meanwhile = [await unrelated() for _ in range(5)]
        # The second fastest of several, because the machine may be busy; Redis is paused for all of them.
        assert sorted(meanwhile)[1] < UNRELATED_SECONDS + SLOWER * usual
        status, answer = await refused
        assert (status, answer["error"]["code"], answer["error"]["retryable"]) == (503, "unavailable", True)
        assert time.monotonic() - began < REFUSED_SECONDS
        # Only Redis knows this conversation. The page opens, and its scripts find out.
        assert (await visitor.call("GET", f"/c/{run['conversation_id']}"))[0] == 200
        assert [server.is_ready() for server in site.servers] == [False, False]
    finally:
        site.redis.resume()
    await asyncio.to_thread(site.until_ready)
    assert (await visitor.call("GET", f"/c/{uuid.uuid4()}"))[0] == 404
    assert await browser.stop(run["run_id"]) == 202
    await check_saved(browser, await browser.stream("/hello after"))


async def test_a_lost_stop_message_is_noticed_on_lease_renewal(
    site: Cluster, alice: Member, browser: Browser, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    prompt = "/numbered count=40 rate=0.4 lost stop"
    status, run = await Browser(site, alice, http, url=site.servers[0].url).start(prompt)
    assert status == 201
    reading = Reading(run["run_id"])
    follower = Follower(site, alice, http)
    following = asyncio.create_task(follower.over_socket(reading))
    await reading.has(TOKEN)
    wire = site.to_redis[0]
    wire.rob(lambda data: f"stop {run['run_id']}".encode() in data)
    try:
        before = wire.lost
        stopped = time.monotonic()
        assert await Browser(site, alice, http, url=site.servers[1].url).stop(run["run_id"]) == 202
        await upstream_closed(upstream, seconds=STOPPED_SECONDS)
        assert time.monotonic() - stopped < STOPPED_SECONDS
        assert wire.lost == before + 1
    finally:
        wire.rob(None)
    await following
    assert reading.end["status"] == "stopped"
    await check_saved(browser, reading)


async def test_a_lost_end_message_is_recovered(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    """The reader is on one server, the run on the other; the last publication does not arrive."""
    prompt = "/hold after=3 count=30 lost done"
    async with socket(site, alice, port=site.servers[1].port) as connection:
        status, run = await Browser(site, alice, http, url=site.servers[0].url).start(prompt)
        assert status == 201
        reading = Reading(run["run_id"])
        await connection.subscribe(reading)
        wire = site.to_redis[1]
        wire.rob(lambda data: b"done" in data and run["run_id"].encode() in data)
        upstream.release()
        try:
            await reading.has(30 * TOKEN)
            complete = time.monotonic()
            await reading.ended()
            assert wire.lost
            assert time.monotonic() - complete < FOUND_SECONDS
        finally:
            wire.rob(None)
    await check_saved(browser, reading, numbered(prompt, 30))
