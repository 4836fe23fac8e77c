"""`manage.py serve --workers 2`: several processes on one port, and their parent."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket as sockets
from pathlib import Path

import aiohttp
import pytest

from tests.faults.client import numbered, socket
from tests.faults.invariants import answers
from tests.faults.processes import Upstream
from tests.server.conftest import StartSite
from tests.server.ending import EndingSite, sent_away, until
from tests.server.process import ended
from tests.streams.redis_server import RedisServer

HELD = "/hold after=3 count=6"
PIECE = len(numbered("", 1))


def workers(site: EndingSite) -> set[int]:
    """The child processes that the parent has not reaped yet."""
    return {int(pid) for pid in Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text().split()}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def holders(site: EndingSite) -> set[int]:
    """The workers that have an open connection to a client."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = {row[9] for row in rows if row[1].endswith(f":{site.port:04X}") and row[3] == "01"}
    return {pid for pid in workers(site) if established & inodes(pid)}


def inodes(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # closed in the meantime
        if match:
            found.add(match[1])
    return found


async def responds(site: EndingSite, http: aiohttp.ClientSession) -> bool:
    async with http.get(f"{site.url}/healthz") as response:
        return response.status == 200


@pytest.mark.redis
async def test_a_killed_worker_is_replaced_and_its_answer_completed(
    redis: RedisServer, start_site: StartSite, upstream: Upstream
) -> None:
    site = start_site(CHAT_WORKERS="2", CHAT_DRAIN="20", REDIS_URL=redis.url)
    alice = site.cast["alice"]
    before = workers(site)
    assert len(before) == 2
    async with socket(site, alice) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        (owner,) = holders(site)
        os.kill(owner, signal.SIGKILL)
        await reader.closed()
    await until(lambda: len(workers(site)) == 2 and owner not in workers(site))
    assert before - workers(site) == {owner}
    async with socket(site, alice, readings={reading.run_id: reading}) as reader:
        await reader.subscribe(reading)
        await reading.until(lambda each: "reset" in each.names and each.size == 3 * PIECE, seconds=90)
        # All of them drain: the one that writes the answer may finish it, and none listens any more.
        site.signal()
        await site.stops_listening()
        await sent_away(reader)
    last = workers(site)
    upstream.release()
    assert await site.exit_code() == 0
    assert not any(is_alive(pid) for pid in last)
    assert answers(site, reading.run_id) == [numbered(HELD, 6)]
    assert len(upstream.exchanges(HELD)) == 2


@pytest.mark.redis
async def test_each_worker_responds_and_none_outlives_the_parent(
    redis: RedisServer, start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site(CHAT_WORKERS="2", REDIS_URL=redis.url)
    pids = workers(site)
    for pid in pids:
        # While the others are suspended, this one responds.
        for other in pids - {pid}:
            os.kill(other, signal.SIGSTOP)
        assert await responds(site, http)
        for other in pids - {pid}:
            os.kill(other, signal.SIGCONT)
    site.kill()
    await until(lambda: not any(is_alive(pid) for pid in pids), seconds=90)
    with sockets.create_server(("127.0.0.1", site.port)):
        """No process has the port any more."""


async def samples(site: EndingSite, http: aiohttp.ClientSession, name: str) -> float:
    """The sum of a metric over its labels, as reported by one of the workers."""
    async with http.get(f"{site.url}/metrics") as response:
        text = await response.text()
    found = [line for line in text.splitlines() if re.match(rf"{name}(\{{| )", line)]
    return sum(float(line.rpartition(" ")[2]) for line in found)


@pytest.mark.redis
async def test_each_worker_reports_the_metrics_of_all(
    redis: RedisServer, start_site: StartSite, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    site = start_site(CHAT_WORKERS="2", REDIS_URL=redis.url)
    alice = site.cast["alice"]
    pids = workers(site)
    for pid in pids:
        for other in pids - {pid}:
            os.kill(other, signal.SIGSTOP)
        body = {"text": f"/numbered count=3 {pid}"}
        async with http.post(f"{site.url}/api/runs/wait", json=body, headers=alice.bearer) as response:
            assert response.status == 200
        for other in pids - {pid}:
            os.kill(other, signal.SIGCONT)
    for pid in pids:
        for other in pids - {pid}:
            os.kill(other, signal.SIGSTOP)
        assert await samples(site, http, "chat_runs_ended_total") == 2
        assert await samples(site, http, "chat_time_to_first_token_seconds_count") == 2
        for other in pids - {pid}:
            os.kill(other, signal.SIGCONT)
    async with socket(site, alice) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        assert await samples(site, http, "chat_live_runs") == 1
        (owner,) = holders(site)
        os.kill(owner, signal.SIGKILL)
        await reader.closed()
    upstream.release()
    await until(lambda: len(workers(site)) == 2 and owner not in workers(site))
    # Its counters remain; its gauges no longer count.
    async with asyncio.timeout(90):
        while await samples(site, http, "chat_live_runs") or await samples(site, http, "chat_runs_ended_total") < 3:
            await asyncio.sleep(0.2)
    assert await samples(site, http, "chat_readers") == 0


@pytest.mark.parametrize(
    ("count", "variables", "reason"),
    [
        ("2", {}, "Set REDIS_URL, or leave --workers"),
        ("0", {"REDIS_URL": "redis://127.0.0.1:9"}, "Set --workers (CHAT_WORKERS) to 1 or more"),
    ],
)
def test_it_is_refused(tmp_path: Path, count: str, variables: dict[str, str], reason: str) -> None:
    result = ended("manage.py", "serve", "--workers", count, CHAT_DATA_DIR=str(tmp_path / "data"), **variables)
    assert result.returncode != 0
    assert reason in result.stdout
    assert "Traceback" not in result.stdout
