"""How fast the server's core is just now: on a shared machine, half as fast from one second to the next.

    python -m bench.speed    every tenth of a second, prints how many ns of CPU time the same small piece of work took

A fiftieth of the core goes into that. Costs are then compared as if the core had always been equally fast.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import Process

EVERY_SECONDS: Final = 0.1
EVENT: Final = {"id": "k3JX9qaB.17", "event": "token", "data": {"text": "the "}, "choices": [{"index": 0}] * 4}


@dataclass
class Entry:
    number: int
    event: dict[str, str]


class Speedometer(Process):
    """Runs on the server's core beside it."""

    def __init__(self, *, cores: set[int], log: Path) -> None:
        super().__init__([sys.executable, "-m", "bench.speed"], cores=cores, log=log)
        self.first_line()
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)

    def read(self) -> float:
        """Mean ns per piece of work since the last call; 0.0 if there was none."""
        try:
            lines = os.read(self._pipe, 1 << 20).split()
        except BlockingIOError:
            return 0.0
        return statistics.fmean(map(int, lines))

    async def read_some(self) -> float:
        """As `read`, but waits for a piece of work if there was none."""
        while not (ns := self.read()):  # noqa: ASYNC110
            await asyncio.sleep(EVERY_SECONDS)
        return ns


def main() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"#")
    while True:
        began = time.process_time_ns()
        work(reading, writing)
        sys.stdout.write(f"{time.process_time_ns() - began}\n")
        sys.stdout.flush()
        time.sleep(EVERY_SECONDS)


def work(reading: int, writing: int) -> None:
    """What servers spend their time on: JSON, small objects, system calls. A mere loop feels a busy machine more."""
    for _ in range(10):
        event = json.loads(json.dumps(EVENT))
        entries = [Entry(number, event) for number in range(20)]
        by_number = {str(entry.number): entry.event["id"] for entry in entries}
        ",".join(by_number.values()).split(",")
    for _ in range(80):
        os.write(writing, os.read(reading, 1))


if __name__ == "__main__":
    main()
