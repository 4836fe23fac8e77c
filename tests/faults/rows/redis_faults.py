"""Rows 16, R6 and R8: Redis restarted with all, some or none of its data, replaced, frozen or unreachable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from tests.faults.cluster import Cluster
from tests.faults.rows.answers import check, start
from tests.faults.rows.rig import Rig, Trial
from tests.ports import closed_port
from tests.streams.redis_server import RedisServer

RUNS: Final = 8
RATE: Final = 25
COUNT: Final = 100
PARTITION_SECONDS: Final = 10.0
# A reader may have to start over when Redis is back, and when it turns out to be another Redis.
MOST_RESETS: Final = 3
REPLICATED_SECONDS: Final = 30.0

Fault = Callable[[Cluster], Awaitable[None]]


async def restarted_with_data(site: Cluster) -> None:
    site.redis.command("SAVE")
    site.redis.kill()
    site.redis.start()


async def restarted_with_old_data(site: Cluster) -> None:
    """Writes acknowledged after the SAVE are lost."""
    site.redis.command("SAVE")
    await asyncio.sleep(1)
    site.redis.kill()
    site.redis.start()


async def restarted_empty(site: Cluster) -> None:
    _, directory = _strings(site.redis.command("CONFIG", "GET", "dir"))
    site.redis.kill()
    (Path(directory) / "dump.rdb").unlink(missing_ok=True)
    site.redis.start()


async def emptied(site: Cluster) -> None:
    site.redis.command("FLUSHALL")


async def replaced(site: Cluster) -> None:
    """The primary is killed and its replica promoted."""
    directory = site.directory / f"redis-{time.monotonic_ns()}"
    directory.mkdir()
    replica = RedisServer(directory)
    replica.start()
    # Replication does not support Unix sockets.
    port = closed_port()
    site.redis.command("CONFIG", "SET", "port", port)
    replica.command("REPLICAOF", "127.0.0.1", port)
    async with asyncio.timeout(REPLICATED_SECONDS):
        while not _is_replica(replica):
            await asyncio.sleep(0.05)
    site.redis.kill()
    replica.command("REPLICAOF", "NO", "ONE")
    site.adopt_redis(replica)


async def partitioned(site: Cluster) -> None:
    """One server cannot reach Redis; the other one can."""
    site.to_redis[0].cut()
    await asyncio.sleep(PARTITION_SECONDS)
    site.to_redis[0].mend()


async def frozen(site: Cluster) -> None:
    """Nothing arrives in either direction, and no connection is closed."""
    for wire in site.to_redis:
        wire.freeze()
    await asyncio.sleep(PARTITION_SECONDS)
    for wire in site.to_redis:
        wire.thaw()


async def paused(site: Cluster) -> None:
    site.redis.pause()
    await asyncio.sleep(PARTITION_SECONDS)
    site.redis.resume()


BRIEF: Final[list[Fault]] = [restarted_with_data, restarted_with_old_data, restarted_empty, emptied]
LONG: Final[list[Fault]] = [replaced, partitioned, frozen, paused]


async def any_fault(rig: Rig) -> list[Trial]:
    """One fault at a random moment; a trial for each answer."""
    return await under(rig, rig.chance.choice(BRIEF + LONG), after=rig.chance.uniform(0, 1.5))


async def under(rig: Rig, fault: Fault, *, after: float = 0.5, runs: int = RUNS) -> list[Trial]:
    """Start answers on both servers; the fault comes in the middle of them."""
    rig.upstream.forget()
    rig.site.expected = (*rig.site.expected, "api: request failed", "failed")
    count = COUNT if fault in BRIEF else COUNT + round(RATE * PARTITION_SECONDS)
    started = await asyncio.gather(
        *(start(rig, number % 2, number // 2, count=count, rate=RATE) for number in range(runs))
    )
    for answer in started:
        if answer.reading is not None:
            await answer.reading.until(lambda reading: bool(reading.start))
    await asyncio.sleep(after)
    await fault(rig.site)
    over_at = time.monotonic()
    for answer in started:
        answer.is_hit = answer.reading is not None and not answer.reading.outcome
    trials = await asyncio.gather(*(check(rig, each, fault_at=over_at, most_resets=MOST_RESETS) for each in started))
    await asyncio.to_thread(rig.site.until_ready)
    return [Trial(f"{fault.__name__}: {each.what}", each.failure, each.seconds, each.late) for each in trials]


def _is_replica(server: RedisServer) -> bool:
    with server.client() as client:
        info: Any = client.info("replication")
    return info["master_link_status"] == "up" and not info["master_sync_in_progress"]


def _strings(reply: Any) -> list[str]:
    pairs = reply.items() if isinstance(reply, dict) else [tuple(reply)]
    return [part.decode() if isinstance(part, bytes) else part for part in next(iter(pairs))]
