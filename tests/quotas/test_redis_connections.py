"""The contract with a real Redis, and with several processes: here each is a counter of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from chat.quotas.connections import Full, Slot
from chat.quotas.redis_connections import RedisConnections
from tests.quotas.contract import ALICE, BOB, LIMIT, ConnectionsContract
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis

SECONDS = 20.0

Start = Callable[..., RedisConnections]


class TestRedisConnections(ConnectionsContract):
    @pytest.fixture(autouse=True)
    def _server(self, shared_redis: RedisServer) -> Iterator[None]:
        self.server = shared_redis
        yield
        assert shared_redis.keys_that_stay() == []

    async def make_connections(self) -> RedisConnections:
        return RedisConnections(self.server.url, prefix=f"{uuid.uuid4()}:")


class Processes:
    """Counters that share a Redis. A killed one sends nothing more and does not sign off."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self._prefix = f"{uuid.uuid4()}:"
        self._started: list[RedisConnections] = []

    def start(self, **fields: Any) -> RedisConnections:
        made = RedisConnections(self.server.url, prefix=self._prefix, **fields)
        self._started.append(made)
        return made

    async def kill(self, process: RedisConnections) -> None:
        self._started.remove(process)
        assert process._task is not None
        process._task.cancel()
        await asyncio.gather(process._task, return_exceptions=True)
        await process._disconnect()

    async def close(self) -> None:
        for process in self._started:
            await process.close()


@pytest.fixture
async def processes(own_redis: RedisServer) -> AsyncIterator[Processes]:
    made = Processes(own_redis)
    yield made
    await made.close()


async def opened(process: RedisConnections, count: int = 1, *, user_id: int = ALICE) -> list[Slot]:
    return [await process.open("sockets", user_id, limit=LIMIT) for _ in range(count)]


async def eventually(attempt: Callable[[], Awaitable[object]]) -> None:
    """Retry until the user is let in."""
    async with asyncio.timeout(SECONDS):
        while True:
            with suppress(Full):
                await attempt()
                return
            await asyncio.sleep(0.02)


async def test_connections_of_one_process_count_in_another(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    await opened(here, LIMIT - 1)
    await opened(there)
    for process in (here, there):
        with pytest.raises(Full):
            await opened(process)
    await opened(here, LIMIT, user_id=BOB)


async def test_separate_counts_exceed_the_limit(processes: Processes, own_redis: RedisServer) -> None:
    """The control: the processes know of each other only through Redis."""
    here, elsewhere = processes.start(), Processes(own_redis)
    await opened(here, LIMIT)
    await opened(elsewhere.start(), LIMIT)
    await elsewhere.close()


async def test_a_place_left_in_one_process_is_free_in_another(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    places = await opened(here, LIMIT)
    places[0].leave()
    await eventually(lambda: opened(there))
    with pytest.raises(Full):
        await opened(here)


async def test_concurrent_connects_in_two_processes_stay_within_the_limit(processes: Processes) -> None:
    both = processes.start(), processes.start()
    results = await asyncio.gather(*(opened(each) for each in both * 10), return_exceptions=True)
    assert sum(isinstance(each, list) for each in results) == LIMIT


async def test_connections_of_a_killed_process_expire_with_its_lease(processes: Processes) -> None:
    killed, lives = processes.start(lease_seconds=0.5), processes.start(lease_seconds=0.5, renew_seconds=0.1)
    await opened(killed, LIMIT - 1)
    await opened(lives)
    await processes.kill(killed)
    with pytest.raises(Full):
        await opened(lives)
    await eventually(lambda: opened(lives, LIMIT - 1))
    with pytest.raises(Full):
        await opened(lives)


async def test_a_live_process_renews_its_lease(processes: Processes) -> None:
    """The control for the test above: time alone does not free a place."""
    here = processes.start(lease_seconds=2, renew_seconds=0.2)
    there = processes.start()
    await opened(here, LIMIT)
    looked_until = asyncio.get_running_loop().time() + 3
    while asyncio.get_running_loop().time() < looked_until:
        with pytest.raises(Full):
            await opened(there)
        await asyncio.sleep(0.1)


async def test_counts_are_restored_after_redis_lost_its_data(processes: Processes) -> None:
    here, there = processes.start(renew_seconds=0.1), processes.start()
    await opened(here, LIMIT)
    processes.server.command("FLUSHALL")
    async with asyncio.timeout(SECONDS):
        while not processes.server.command("KEYS", "*"):
            await asyncio.sleep(0.02)
    with pytest.raises(Full):
        await opened(there)


async def test_without_redis_each_process_counts_its_own(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    await opened(here, LIMIT - 1)
    processes.server.kill()
    await opened(here)
    with pytest.raises(Full):
        await opened(here)
    # Counts that may be out of date refuse nobody.
    await opened(there, LIMIT)
    with pytest.raises(Full):
        await opened(there)


async def test_without_redis_concurrent_connects_stay_within_the_limit(processes: Processes) -> None:
    here = processes.start()
    processes.server.kill()
    results = await asyncio.gather(*(opened(here) for _ in range(5 * LIMIT)), return_exceptions=True)
    assert sum(isinstance(each, list) for each in results) == LIMIT


async def test_an_unresponsive_redis_delays_connects_only_briefly(processes: Processes) -> None:
    here = processes.start(call_seconds=0.2, pause_seconds=60)
    await opened(here)
    processes.server.pause()
    try:
        await opened(here)
        assert here._is_away
        # For the next ones, Redis is not even asked.
        await opened(here)
        assert not here._waiting
        with pytest.raises(Full):
            await opened(here)
    finally:
        processes.server.resume()


async def test_connections_opened_during_an_outage_are_counted_afterwards(processes: Processes) -> None:
    here = processes.start(renew_seconds=0.1, pause_seconds=0.05)
    processes.server.kill()
    await opened(here, LIMIT)
    processes.server.start()
    there = processes.start()

    async def is_refused() -> bool:
        try:
            (place,) = await opened(there)
        except Full:
            return True
        place.leave()
        return False

    async with asyncio.timeout(SECONDS):
        while not await is_refused():
            await asyncio.sleep(0.02)


async def test_without_connections_nothing_is_kept(processes: Processes) -> None:
    here = processes.start(renew_seconds=0.05)
    for place in await opened(here, LIMIT):
        place.leave()
    assert here._task is not None
    await asyncio.wait_for(here._task, SECONDS)
    assert here._client is None
    assert processes.server.command("KEYS", "*") == []


async def test_every_key_expires(processes: Processes) -> None:
    here = processes.start()
    await opened(here, LIMIT)
    await here.open("streams", BOB, limit=LIMIT)
    assert processes.server.keys_that_stay() == []
    assert len(processes.server.command("KEYS", "*")) == 2  # type: ignore[arg-type]
