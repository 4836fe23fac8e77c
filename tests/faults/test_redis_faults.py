"""Rows 10, 16, 17, R6 to R8: Redis restarted, emptied, replaced, frozen, out of reach; messages that get lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import pytest

from tests.fake_openai.server import closed_port
from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.followers import Follower
from tests.faults.invariants import check_saved, check_whole_turns, upstream_closed
from tests.faults.processes import Member, Upstream
from tests.faults.reading import Reading
from tests.streams.redis_server import RedisServer

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
COUNT: Final = 400
RATE: Final = 25
PARTITION_SECONDS: Final = 10.0
RECOVERED_SECONDS: Final = 90.0
# The renewal of a lease comes every 3 s, the look at where a log is every 5 s; and a busy machine.
STOPPED_SECONDS: Final = 3.5 + 1
FOUND_SECONDS: Final = 6.0 + 2


class Answers:
    """Four answers, two of each server, each read over a socket and by SSE through nginx."""

    def __init__(self, site: Cluster, alice: Member, http: aiohttp.ClientSession) -> None:
        self.prompts: list[str] = []
        self.readings: list[list[Reading]] = []
        self.followers: list[Follower] = []
        self._site, self._alice, self._http = site, alice, http
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, name: str) -> None:
        for number in range(4):
            prompt = f"/numbered count={COUNT} rate={RATE} {name} {number}"
            direct = Browser(self._site, self._alice, self._http, url=self._site.servers[number % 2].url)
            status, run = await direct.start(prompt)
            assert status == 201
            pair = [Reading(run["run_id"]), Reading(run["run_id"])]
            for reading in pair:
                follower = Follower(self._site, self._alice, self._http)
                follow = follower.over_socket if reading is pair[0] else follower.over_sse
                self.followers.append(follower)
                self._tasks.append(asyncio.create_task(follow(reading)))
            self.prompts.append(prompt)
            self.readings.append(pair)
        for pair in self.readings:
            await asyncio.gather(*(reading.has(10 * TOKEN) for reading in pair))

    async def check(self, browser: Browser) -> None:
        """To their ends: whole, once, and read as they were saved."""
        assert not any(reading.outcome for pair in self.readings for reading in pair)
        async with asyncio.timeout(RECOVERED_SECONDS):
            await asyncio.gather(*self._tasks)
        for prompt, pair in zip(self.prompts, self.readings, strict=True):
            for reading in pair:
                await check_saved(browser, reading, numbered(prompt, COUNT))
        check_whole_turns(self._site)


@pytest.fixture
def running(site: Cluster, alice: Member, http: aiohttp.ClientSession) -> Answers:
    return Answers(site, alice, http)


async def restarted_with_data(site: Cluster) -> None:
    site.redis.command("SAVE")
    site.redis.kill()
    site.redis.start()


async def restarted_with_old_data(site: Cluster) -> None:
    """What it acknowledged since it was saved is gone."""
    site.redis.command("SAVE")
    await asyncio.sleep(2)
    site.redis.kill()
    site.redis.start()


async def restarted_empty(site: Cluster) -> None:
    site.redis.kill()
    (site.directory / "redis" / "dump.rdb").unlink(missing_ok=True)
    site.redis.start()


async def emptied(site: Cluster) -> None:
    site.redis.command("FLUSHALL")


async def replaced(site: Cluster) -> None:
    """A replica is promoted, and the old one is gone."""
    directory = site.directory / f"replica-{time.monotonic_ns()}"
    directory.mkdir()
    replica = RedisServer(directory)
    replica.start()
    old = site.redis
    port = await asyncio.to_thread(_listening, old)
    replica.command("REPLICAOF", "127.0.0.1", port)
    async with asyncio.timeout(30):
        while _info(replica)["master_link_status"] != "up" or _info(replica)["master_sync_in_progress"]:
            await asyncio.sleep(0.05)
    old.kill()
    replica.command("REPLICAOF", "NO", "ONE")
    site.adopt_redis(replica)


def _listening(server: RedisServer) -> int:
    """It has a port from now on, for replicas know no Unix sockets."""
    port = closed_port()
    server.command("CONFIG", "SET", "port", port)
    return port


def _info(server: RedisServer) -> Any:
    with server.client() as client:
        return client.info("replication")


async def partitioned(site: Cluster) -> None:
    """One server cannot reach Redis; the other one can."""
    site.to_redis[0].cut()
    await asyncio.sleep(PARTITION_SECONDS)
    site.to_redis[0].mend()


async def frozen(site: Cluster) -> None:
    """Nothing arrives, in either direction, and nobody is told."""
    for wire in site.to_redis:
        wire.freeze()
    await asyncio.sleep(PARTITION_SECONDS)
    for wire in site.to_redis:
        wire.thaw()


async def paused(site: Cluster) -> None:
    site.redis.pause()
    await asyncio.sleep(PARTITION_SECONDS)
    site.redis.resume()


FAULTS: Final[list[Callable[[Cluster], Awaitable[None]]]] = [
    restarted_with_data,
    restarted_with_old_data,
    restarted_empty,
    emptied,
    replaced,
    partitioned,
    frozen,
    paused,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_answers_outlive_redis(
    fault: Callable[[Cluster], Awaitable[None]], site: Cluster, browser: Browser, running: Answers
) -> None:
    site.expected = (*site.expected, "A call of the API failed", "The socket", "failed", "not delivered", "not heard")
    await running.start(fault.__name__)
    await fault(site)
    await running.check(browser)
    await asyncio.to_thread(site.until_ready)


async def test_no_reader_notices_when_the_subscriptions_are_killed(
    site: Cluster, browser: Browser, running: Answers
) -> None:
    await running.start("subscriptions")
    for _ in range(5):
        assert site.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
        await asyncio.sleep(0.5)
    await running.check(browser)
    assert [follower.connections for follower in running.followers] == [1] * 8


async def test_requests_fail_in_time_while_redis_stands_still(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession
) -> None:
    """R7: what needs Redis is refused within its 5 s; what does not is answered as ever; then all is as before."""
    whole = await browser.stream("/hello before")
    site.redis.pause()
    try:
        began = time.monotonic()
        refused = asyncio.create_task(browser.start("/hello meanwhile"))
        saved = f"/api/conversations/{whole.start['conversation_id']}/messages"
        for _ in range(5):
            at = time.monotonic()
            assert (await browser.call("GET", saved))[0] == 200
            assert (await browser.call("GET", "/healthz"))[0] == 200
            assert time.monotonic() - at < 2
        status, answer = await refused
        assert (status, answer["error"]["code"], answer["error"]["retryable"]) == (503, "unavailable", True)
        assert time.monotonic() - began < 5 + 2
        assert [server.is_ready() for server in site.servers] == [False, False]
    finally:
        site.redis.resume()
    await asyncio.to_thread(site.until_ready)
    await check_saved(browser, await browser.stream("/hello after"))


async def test_a_stop_whose_message_is_lost_comes_with_the_lease(
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


async def test_an_end_whose_message_is_lost_is_found(
    site: Cluster, alice: Member, browser: Browser, http: aiohttp.ClientSession
) -> None:
    """The reader is at one server, the run at the other; what is published last does not arrive."""
    prompt = "/numbered count=30 rate=30 lost done"
    async with socket(site, alice, port=site.servers[1].port) as connection:
        status, run = await Browser(site, alice, http, url=site.servers[0].url).start(prompt)
        assert status == 201
        reading = Reading(run["run_id"])
        await connection.subscribe(reading)
        wire = site.to_redis[1]
        wire.rob(lambda data: b"done" in data and run["run_id"].encode() in data)
        try:
            await reading.has(30 * TOKEN)
            complete = time.monotonic()
            await reading.ended()
            assert wire.lost
            assert time.monotonic() - complete < FOUND_SECONDS
        finally:
            wire.rob(None)
    await check_saved(browser, reading, numbered(prompt, 30))
