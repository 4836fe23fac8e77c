"""Turns with ten tools that the model does not call, beside the same assistant without tools.

python -m bench.tools [--rounds 7] [--turns 30]    this alone: prints its section of docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import machine, stamps, ten_tools
from bench.processes import Server
from bench.readers import Tally
from bench.stage import Stage
from bench.streaming import percentile
from bench.turns import AFTER_SECONDS, WARM_UP
from bench.ways import PATIENCE_SECONDS, open_socket

TOKENS: Final = 10
RATE: Final = 50
WITHOUT: Final[tuple[str, ...]] = ()
WITH: Final = tuple(f"local:{name}" for name in ten_tools.NAMES)


@dataclass(frozen=True)
class Turns:
    """`count` turns of one person, one after the other; then as many of the other kind; and so on for the rounds."""

    count: int
    rounds: int


WHOLE: Final = Turns(count=30, rounds=7)
QUICK: Final = Turns(count=3, rounds=1)


@dataclass(frozen=True)
class Cost:
    """CPU time of the server for a turn, the pace of its core meanwhile (bench.speed), and each turn's first token."""

    cpu_ms: float
    speed_ns: float
    first_ms: tuple[float, ...]

    @property
    def cpu(self) -> float:
        """As if the core had always been equally fast; in no unit, for ratios."""
        return self.cpu_ms / self.speed_ns

    @property
    def first(self) -> float:
        return statistics.median(self.first_ms)


@dataclass(frozen=True)
class Costs:
    """By round."""

    turns: int
    without: list[Cost]
    with_tools: list[Cost]

    def cpu_ms(self, own: Sequence[Cost]) -> float:
        """The median, as if the core had always been as fast as it usually was."""
        usual = statistics.median(cost.speed_ns for cost in (*self.without, *self.with_tools))
        return statistics.median(cost.cpu for cost in own) * usual

    def ratio(self, cost: Callable[[Cost], float]) -> float:
        """How many times as much it is with tools: the median over the rounds."""
        pairs = zip(self.with_tools, self.without, strict=True)
        return statistics.median(cost(mine) / cost(other) for mine, other in pairs)


async def measure(stage: Stage, turns: Turns) -> Costs:
    """Both on one server, with the same assistant."""
    server = await asyncio.to_thread(stage.site, redis=False, CHAT_TOOLS="bench.ten_tools")
    costs: dict[tuple[str, ...], list[Cost]] = {WITHOUT: [], WITH: []}
    try:
        for tools in costs:
            await _block(stage, server, tools, WARM_UP)
        for number in range(turns.rounds):
            # What the second one finds warm, or worn, is each one's in turn.
            for tools in (WITHOUT, WITH) if number % 2 else (WITH, WITHOUT):
                costs[tools].append(await _block(stage, server, tools, turns.count))
    finally:
        server.kill()
        _switch_on(stage, WITHOUT)
    return Costs(turns.count, costs[WITHOUT], costs[WITH])


async def _block(stage: Stage, server: Server, tools: Sequence[str], count: int) -> Cost:
    _switch_on(stage, tools)
    socket = await open_socket(server, Tally(), f"count={TOKENS} rate={RATE}", stage.people[0])
    first = []
    stage.speed.read()
    cpu = machine.cpu_seconds(server.pid)
    for _ in range(count):
        socket.forget()
        sent = stamps.now()
        socket.send()
        async with asyncio.timeout(PATIENCE_SECONDS):
            first.append((await socket.begun - sent) / stamps.TICKS_PER_MS)
            await socket.ended
    await asyncio.sleep(AFTER_SECONDS)
    cpu = machine.cpu_seconds(server.pid) - cpu
    speed = await stage.speed.read_some()
    socket.close()
    if (offered := stage.offered()) != len(tools):
        raise SystemExit(f"The model was offered {offered} tools instead of {len(tools)}.")
    return Cost(cpu / count * 1e3, speed, tuple(first))


def _switch_on(stage: Stage, tools: Sequence[str]) -> None:
    """For every assistant, past the site: it reads them anew for each message."""
    with closing(sqlite3.connect(stage.folder / "chat.sqlite3", isolation_level=None)) as connection:
        connection.execute("UPDATE chat_assistant SET tools = ?", [json.dumps(dict.fromkeys(tools, "allow"))])


def section(costs: Costs) -> str:
    """Of docs/benchmarks.md."""
    rows = [
        f"| without tools | {costs.cpu_ms(costs.without):.1f} | {_first(costs.without)} |",
        f"| with ten tools | {costs.cpu_ms(costs.with_tools):.1f} ({costs.ratio(lambda cost: cost.cpu):.2f}) "
        f"| {_first(costs.with_tools)} ({costs.ratio(lambda cost: cost.first):.2f}) |",
    ]
    return (
        "## Tools that are not called\n\nWhat it costs that an assistant has tools: the same one without any and with "
        "[ten](../bench/ten_tools.py), which the model does not call. Whole turns as above, on one server (WebSocket, "
        f"memory log): {costs.turns} turns of {TOKENS} tokens with one, then with the other, "
        f"{len(costs.without)} × each. CPU time of the server for a turn, and the time from sending a message to its "
        "first token, median / 99th percentile. In brackets, how many times as much as without tools in the same "
        "round. `python -m bench.tools` measures this alone:\n\n"
        "|  | CPU time, ms | first token, ms |\n| --- | --- | --- |\n" + "\n".join(rows)
    )


def _first(costs: Sequence[Cost]) -> str:
    ordered = sorted(value for cost in costs for value in cost.first_ms)
    return f"{percentile(ordered, 0.5):.1f} / {percentile(ordered, 0.99):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=WHOLE.rounds)
    parser.add_argument("--turns", type=int, default=WHOLE.count, help="of each kind in a round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), people=1)
        try:
            os.sched_setaffinity(0, stage.other_cores)
            costs = asyncio.run(measure(stage, Turns(arguments.turns, arguments.rounds)))
        finally:
            stage.close()
    print(section(costs))


if __name__ == "__main__":
    main()
