"""What `/readyz` returns while a part of the site is down."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import Any

import aiohttp
import pytest

from chat.pages.health import Probe
from tests.server.conftest import StartSite
from tests.server.ending import SECONDS, EndingSite
from tests.streams.redis_server import RedisServer

READY = {"ready": True, "code": "ready", "database": True, "log": True}
# The two seconds that a part may take, and time for a busy machine. If `/readyz` waited for a part, it would hang.
ANSWER_SECONDS = 30.0


async def readiness(site: EndingSite, http: aiohttp.ClientSession) -> dict[str, Any]:
    began = time.monotonic()
    async with http.get(f"{site.url}/readyz") as response:
        body: dict[str, Any] = await response.json()
        assert response.status == (200 if body["ready"] else 503)
    assert time.monotonic() - began < ANSWER_SECONDS
    return body


async def becomes(site: EndingSite, http: aiohttp.ClientSession, expected: dict[str, Any]) -> None:
    async with asyncio.timeout(SECONDS):
        while await readiness(site, http) != expected:
            await asyncio.sleep(0.05)


@pytest.mark.redis
async def test_an_unresponsive_redis(redis: RedisServer, start_site: StartSite, http: aiohttp.ClientSession) -> None:
    site = start_site(REDIS_URL=redis.url)
    await becomes(site, http, READY)
    redis.pause()
    away = {"ready": False, "code": "unavailable", "database": True, "log": False}
    await becomes(site, http, away)
    assert await asyncio.gather(*(readiness(site, http) for _ in range(20))) == [away] * 20
    async with http.get(f"{site.url}/healthz") as response:
        assert response.status == 200
    redis.resume()
    await becomes(site, http, READY)


@pytest.mark.redis
async def test_a_full_redis(redis: RedisServer, start_site: StartSite, http: aiohttp.ClientSession) -> None:
    """It still answers reads; only writes fail. Meanwhile, no run is accepted."""
    site = start_site(REDIS_URL=redis.url)
    await becomes(site, http, READY)
    redis.command("SET", "others", "x" * 1_000_000)
    redis.command("CONFIG", "SET", "maxmemory", 1_000_000)
    await becomes(site, http, {"ready": False, "code": "unavailable", "database": True, "log": False})
    headers = site.cast["alice"].bearer
    async with http.post(f"{site.url}/api/runs", json={"text": "Hi"}, headers=headers) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (503, "unavailable")
    redis.command("CONFIG", "SET", "maxmemory", 0)
    await becomes(site, http, READY)
    async with http.post(f"{site.url}/api/runs/wait", json={"text": "Hi"}, headers=headers) as response:
        assert response.status == 200


async def test_a_database_without_its_tables(start_site: StartSite, http: aiohttp.ClientSession) -> None:
    site = start_site()
    with closing(site.connect()) as database:
        database.execute("ALTER TABLE chat_conversation RENAME TO elsewhere")
        await becomes(site, http, {"ready": False, "code": "unavailable", "database": False, "log": True})
        database.execute("ALTER TABLE elsewhere RENAME TO chat_conversation")
        await becomes(site, http, READY)


async def test_a_hanging_check_runs_once_for_all_probes() -> None:
    asked = 0
    answer = asyncio.Event()

    async def ask() -> bool:
        nonlocal asked
        asked += 1
        await answer.wait()
        return True

    probe = Probe("part", ask)
    assert await asyncio.gather(*(probe.answers() for _ in range(10))) == [False] * 10
    assert await probe.answers() is False
    answer.set()
    async with asyncio.timeout(SECONDS):
        while not await probe.answers():
            await asyncio.sleep(0)
    assert asked == 1
