"""S12, S13: one user does the worst that the limits allow, all at once, while another user chats."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

from tests.faults.bully import Tally
from tests.faults.client import numbered, socket
from tests.faults.processes import Server
from tests.faults.rows.deaf import p99_delay
from tests.faults.rows.rig import Rig, Trial
from tests.members import Member
from tests.server.process import ROOT, clean_environment

SECONDS: Final = 60.0
API_SECONDS: Final = 0.25
STREAM_SECONDS: Final = 0.15
CALL_EVERY_SECONDS: Final = 0.1
RATE: Final = 40


async def abuse(rig: Rig, *, seconds: float = SECONDS) -> list[Trial]:
    """Two trials: do the other user's API calls stay fast, and does their answer?"""
    server = rig.site.servers[0]
    member = rig.site.cast["bob"]
    hoard = await asyncio.to_thread(fill, server, member.name)
    alone = await measured(rig, server, seconds / 6)
    async with abusing(server, member, hoard) as tally:
        beside = await measured(rig, server, seconds)
    api = f"p99 {beside.api * 1000:.0f} ms ({alone.api * 1000:.0f} ms alone) of {beside.calls} calls"
    stream = f"p99 {beside.stream * 1000:.0f} ms ({alone.stream * 1000:.0f} ms alone)"
    failed = f"{beside.failures} calls failed" if beside.failures else ""
    return [
        Trial("api", failed or (api if beside.api > API_SECONDS else ""), note=f"{api}; {tally}"),
        Trial("stream", stream if beside.stream > STREAM_SECONDS else "", note=stream),
    ]


@dataclass(frozen=True)
class Measured:
    """`api`: p99 latency of the calls; `stream`: p99 delay of an answer's tokens; both in seconds.

    `failures`: the calls with a status other than 200, by path and status.
    """

    api: float
    calls: int
    failures: dict[tuple[str, int], int]
    stream: float


def fill(server: Server, name: str) -> dict[str, str]:
    """Run tests.faults.hoard for this user; return the ids of the conversations."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.faults.hoard", name],
        cwd=ROOT,
        env=clean_environment() | server.variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    found: dict[str, str] = json.loads(made.stdout)
    return found


async def measured(rig: Rig, server: Server, seconds: float) -> Measured:
    """Measure alice's calls and her answer. Raises AssertionError if the answer is incomplete."""
    browser = rig.browser(0)
    calls: list[float] = []
    failures: Counter[tuple[str, int]] = Counter()
    async with socket(rig.site, rig.alice, port=server.port) as connection:
        count = round(seconds * RATE)
        prompt = f"/numbered count={count} rate={RATE} {uuid.uuid4()}"
        reading = await connection.run(prompt)
        async for path in _in_turn(seconds):
            began = time.perf_counter()
            status, _ = await browser.call("GET", path)
            calls.append(time.perf_counter() - began)
            if status != 200:
                failures[path, status] += 1
        await reading.ended(seconds=seconds + 60)
        [exchange] = await asyncio.to_thread(rig.upstream.exchanges, prompt)
    assert reading.text == numbered(prompt, count)
    delay = p99_delay(reading, [at for at, _ in exchange["sent"]])
    return Measured(_p99(calls), len(calls), dict(failures), delay)


async def _in_turn(seconds: float) -> AsyncIterator[str]:
    paths = ("/api/conversations", "/api/search?q=numbered", "/api/assistants", "/api/runs?active=1")
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        yield paths[number % len(paths)]
        number += 1
        await asyncio.sleep(CALL_EVERY_SECONDS)


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


@asynccontextmanager
async def abusing(server: Server, member: Member, hoard: dict[str, str]) -> AsyncIterator[Tally]:
    """Run tests.faults.bully during the block. The tally is complete afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.bully", str(server.port), member.token, member.session, hoard["huge"]),
        cwd=ROOT,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    tally = Tally()
    try:
        yield tally
    finally:
        process.terminate()
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        for name, counts in json.loads(said).items():
            getattr(tally, name).update(counts)
