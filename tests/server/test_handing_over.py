"""SIGTERM in the middle of answers, with other processes on the same Redis and database."""

from __future__ import annotations

import asyncio
import time
import uuid

import aiohttp
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.invariants import check_saved
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.server.conftest import StartSite
from tests.server.ending import ENDING_SECONDS, asked, sent_away
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis

HELD = "/hold after=3 count=6"
PIECE = len(numbered("", 1))
# On an idle machine, readers are disconnected within two seconds.
DRAIN_SECONDS = 12


async def test_answers_longer_than_the_drain_continue_elsewhere(
    redis: RedisServer, start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    one = start_site(CHAT_DRAIN=str(DRAIN_SECONDS), REDIS_URL=redis.url)
    two = start_site(CHAT_DRAIN="0", REDIS_URL=redis.url)
    alice = one.cast["alice"]
    here, there = Browser(one, alice, http), Browser(two, alice, http)
    waited = {"text": f"{HELD} too", "client_message_id": str(uuid.uuid4())}
    async with socket(one, alice) as reader:
        reading = await reader.run(HELD)
        by_sse = Reading(reading.run_id)
        following = asyncio.create_task(here.follow(by_sse))
        waiting = asyncio.create_task(here.call("POST", "/api/runs/wait", waited))
        await reading.has(3 * PIECE)
        await by_sse.has(3 * PIECE)
        await asked(upstream, waited["text"], times=1)
        began = time.monotonic()
        one.signal()
        # At once and not only at the limit, because other processes have the log.
        await sent_away(reader)
        assert await following == 200
        assert time.monotonic() - began < DRAIN_SECONDS
        assert (reading.outcome, by_sse.outcome) == ("", "")
    async with socket(two, alice, readings={reading.run_id: reading}) as reader:
        assert [run["run_id"] for run in (await reader.hello)["runs"]].count(reading.run_id) == 1
        await reader.subscribe(reading)
        following = asyncio.create_task(there.follow(by_sse))
        # A client that waits for the end is told to retry, which finds the same run.
        status, body = await waiting
        assert (body["error"]["code"], body["error"]["retryable"]) == ("draining", True)
        # After four seconds, the status is 200 whatever comes.
        assert status in (503, 200)
        waiting = asyncio.create_task(there.call("POST", "/api/runs/wait", waited))
        await asked(upstream, HELD, times=2)
        await asked(upstream, waited["text"], times=2)
        assert await one.exit_code() == 0
        assert time.monotonic() - began < DRAIN_SECONDS + ENDING_SECONDS
        upstream.release()
        await reading.ended()
    assert await following == 200
    assert by_sse.text == numbered(HELD, 6)
    await check_saved(there, by_sse)
    await check_saved(there, reading, numbered(HELD, 6))
    status, message = await waiting
    assert (status, message["text"]) == (200, numbered(waited["text"], 6))


async def test_an_answer_ending_during_the_drain_is_read_elsewhere(
    redis: RedisServer, start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    one = start_site(CHAT_DRAIN="20", REDIS_URL=redis.url)
    two = start_site(CHAT_DRAIN="0", REDIS_URL=redis.url)
    alice = one.cast["alice"]
    async with socket(one, alice) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        one.signal()
        await sent_away(reader)
    async with socket(two, alice, readings={reading.run_id: reading}) as reader:
        await reader.subscribe(reading)
        upstream.release()
        await reading.ended()
    assert "reset" not in reading.names
    await check_saved(Browser(two, alice, http), reading, numbered(HELD, 6))
    assert await one.exit_code() == 0


async def test_a_single_process_completes_its_answers_after_a_restart(
    redis: RedisServer, start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    site = start_site(CHAT_DRAIN="0", REDIS_URL=redis.url)
    alice = site.cast["alice"]
    async with socket(site, alice) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        site.signal()
        await sent_away(reader)
    assert await site.exit_code() == 0
    site.start()
    # Before any client asks for it.
    await asked(upstream, HELD, times=2)
    async with socket(site, alice, readings={reading.run_id: reading}) as reader:
        await reader.subscribe(reading)
        upstream.release()
        await reading.ended()
    await check_saved(Browser(site, alice, http), reading, numbered(HELD, 6))


async def test_an_unavailable_redis_does_not_delay_shutdown(redis: RedisServer, start_site: StartSite) -> None:
    site = start_site(CHAT_DRAIN="2", REDIS_URL=redis.url)
    async with socket(site, site.cast["alice"]) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        redis.pause()
        began = time.monotonic()
        site.signal()
        await sent_away(reader)
        assert await site.exit_code() == 0
    assert time.monotonic() - began < 2 + ENDING_SECONDS
