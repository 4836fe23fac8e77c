"""What an idle server holds: file descriptors, threads, connections, and what its metrics count."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.faults.cluster import Cluster
from tests.faults.processes import Server

# Per process: its connection pool, its database threads, and one connection more or less.
SPARE: Final = 24
POOL: Final = 12
QUIET_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
COUNTED: Final = ("chat_live_runs", 'chat_readers{transport="websocket"}', 'chat_readers{transport="sse"}')


@dataclass(frozen=True)
class Footprint:
    descriptors: int
    threads: int

    @classmethod
    def of(cls, server: Server) -> Self:
        process = Path(f"/proc/{server.pid}")
        return cls(len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())))


async def left_behind(site: Cluster, before: Mapping[int, Footprint]) -> str:
    """What is not released although nobody chats any more. `before`: the servers' footprints, by port.

    A server that was used before keeps the connections and threads it needed then.
    """
    deadline = asyncio.get_running_loop().time() + QUIET_SECONDS
    while found := await asyncio.to_thread(_left_behind, site, before):
        if asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(POLL_SECONDS)
    return ""


def _left_behind(site: Cluster, before: Mapping[int, Footprint]) -> str:
    found = [f"{name} of {server.port}: {value}" for server in site.servers for name, value in _counted(server)]
    for server in site.servers:
        now, was = Footprint.of(server), before[server.port]
        if max(now.descriptors - was.descriptors, now.threads - was.threads) > SPARE:
            found.append(f"{now} of {server.port}, before {was}")
    [(connections,)] = site.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chatsite'")
    if connections > POOL * len(site.servers):
        found.append(f"{connections} connections to PostgreSQL")
    if stay := site.redis.keys_that_stay():
        found.append(f"keys without an end: {stay}")
    return "; ".join(found)


def _counted(server: Server) -> list[tuple[str, float]]:
    """The gauges that are not zero."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as response:
        lines = [line.rpartition(" ") for line in response.read().decode().splitlines()]
    values = {name: float(value) for name, _, value in lines if name in COUNTED}
    return [(name, value) for name, value in values.items() if value]
