"""Whole turns: all that the server does for a message, from whoever sends it to the row in the database.

python -m bench.turns [--rounds 3] [--before FOLDER]    this alone; FOLDER: another checkout, measured beside it
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import machine, processes
from bench.processes import Server
from bench.readers import Reader, SocketReader, Tally
from bench.stage import Stage
from bench.ways import PATIENCE_SECONDS, Way, open_socket, ways

# What belongs to a turn and comes after its last event: notices, rows that nobody waits for.
AFTER_SECONDS: Final = 0.3
# Before anything is measured: what is imported, connected and compiled once.
WARM_UP: Final = 5


@dataclass(frozen=True)
class Turns:
    """Long turns: `streams` at once, each of its own person, `tokens` at `rate` per second. Short ones one by one."""

    streams: int
    tokens: int
    rate: int
    short: int
    short_tokens: int


WHOLE: Final = Turns(streams=50, tokens=300, rate=50, short=30, short_tokens=10)
QUICK: Final = Turns(streams=3, tokens=10, rate=50, short=3, short_tokens=2)


@dataclass(frozen=True)
class Cost:
    """CPU time of the server: per token of the long turns in µs, for a short turn in ms; each with the core's pace."""

    long_us: float
    long_speed_ns: float
    short_ms: float
    short_speed_ns: float

    @property
    def long(self) -> float:
        """As if the core had always been equally fast; in no unit, for ratios."""
        return self.long_us / self.long_speed_ns

    @property
    def short(self) -> float:
        return self.short_ms / self.short_speed_ns


def share(own: Sequence[Cost], others: Sequence[Cost], name: str) -> float | None:
    """What part of the others' cost the own is, `long` or `short`: the median over the rounds."""
    shares = [getattr(one, name) / getattr(other, name) for one, other in zip(own, others, strict=False)]
    return statistics.median(shares) if shares else None


async def measure(stage: Stage, way: Way, turns: Turns) -> Cost:
    """One trial, on a server of its own. The WebSockets are open before; a request of SSE opens its own connection."""
    server = await asyncio.to_thread(way.start, stage)
    first, *others = stage.people
    try:
        await _one_by_one(server, way, first, f"count={turns.short_tokens} rate=1000", WARM_UP)
        stage.speed.read()
        prompt = f"count={turns.tokens} rate={turns.rate}"
        long = await _at_once(server, way, others[: turns.streams], prompt)
        long_speed = await stage.speed.read_some()
        prompt = f"count={turns.short_tokens} rate={turns.rate}"
        short = await _one_by_one(server, way, first, prompt, turns.short)
        short_speed = await stage.speed.read_some()
    finally:
        server.kill()
    return Cost(
        long_us=long / turns.streams / turns.tokens * 1e6,
        long_speed_ns=long_speed,
        short_ms=short / turns.short * 1e3,
        short_speed_ns=short_speed,
    )


async def _at_once(server: Server, way: Way, people: Sequence[str], prompt: str) -> float:
    """CPU seconds of a turn of each, all at once."""
    sockets = await _sockets(server, way, people, prompt)
    cpu = machine.cpu_seconds(server.pid)
    async with asyncio.TaskGroup() as group:
        for person, socket in itertools.zip_longest(people, sockets):
            group.create_task(_turn(server, way, person, prompt, socket))
    await asyncio.sleep(AFTER_SECONDS)
    cpu = machine.cpu_seconds(server.pid) - cpu
    for socket in sockets:
        socket.close()
    return cpu


async def _one_by_one(server: Server, way: Way, person: str, prompt: str, count: int) -> float:
    """CPU seconds of so many turns of one person, one after the other."""
    sockets = await _sockets(server, way, [person], prompt)
    cpu = machine.cpu_seconds(server.pid)
    for _ in range(count):
        await _turn(server, way, person, prompt, sockets[0] if sockets else None)
    await asyncio.sleep(AFTER_SECONDS)
    cpu = machine.cpu_seconds(server.pid) - cpu
    for socket in sockets:
        socket.close()
    return cpu


async def _sockets(server: Server, way: Way, people: Sequence[str], prompt: str) -> list[SocketReader]:
    if way.transport == "SSE":
        return []
    return [await open_socket(server, Tally(), prompt, person) for person in people]


async def _turn(server: Server, way: Way, person: str, prompt: str, socket: SocketReader | None) -> None:
    reader: Reader
    if socket is None:
        reader, _ = await way.open(server, Tally(), prompt, person)
    else:
        reader = socket
        socket.forget()
        socket.send()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reader.ended
    if socket is None:
        reader.close()


def show(way: Way, cost: Cost) -> str:
    return f"{way.name:<40} long turns: {cost.long_us:5.0f} µs/token, short ones: {cost.short_ms:5.1f} ms each"


async def run(stage: Stage, chosen: Sequence[Way], rounds: int) -> dict[Way, list[Cost]]:
    costs: dict[Way, list[Cost]] = {}
    for _ in range(rounds):
        for way in chosen:
            cost = await measure(stage, way, WHOLE)
            costs.setdefault(way, []).append(cost)
            print(show(way, cost), flush=True)
    return costs


def summary(costs: dict[Way, list[Cost]]) -> str:
    *_, reference = costs
    lines = ["Medians; in brackets the part of the reference's, and of what it was before, in the same round:"]
    for way, own in costs.items():
        long = statistics.median(cost.long_us for cost in own)
        short = statistics.median(cost.short_ms for cost in own)
        known = [reference, *(other for other in costs if other.folder and other.label == way.label and other != way)]
        shares = [[f"{share(own, costs[other], name):.2f}" for other in known] for name in ("long", "short")]
        lines.append(
            f"{way.name:<40} {long:5.0f} µs/token ({', '.join(shares[0])}), "
            f"{short:5.1f} ms a short turn ({', '.join(shares[1])})"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout of this project")
    arguments = parser.parse_args()
    processes.install_reference()
    machine.allow_open_files()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), people=WHOLE.streams + 1)
        try:
            os.sched_setaffinity(0, stage.other_cores)
            *sites, reference = ways(with_redis=stage.with_redis, with_reference=True)
            if arguments.before:
                before = arguments.before.resolve()
                sites = [each for way in sites for each in (way, replace(way, folder=before))]
            costs = asyncio.run(run(stage, [*sites, reference], arguments.rounds))
        finally:
            stage.close()
    print(summary(costs))


if __name__ == "__main__":
    main()
