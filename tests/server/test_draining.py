"""SIGTERM in the middle of answers, with a single process that keeps them in memory."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import signal
import time

import aiohttp

from tests.faults.client import Browser, numbered, socket
from tests.faults.invariants import check_not_saved
from tests.faults.processes import END_SECONDS, Upstream
from tests.faults.reading import Reading
from tests.server.conftest import StartSite
from tests.server.ending import ENDING_SECONDS, EndingSite, asked, sent_away

HELD = "/hold after=3 count=6"
PIECE = len(numbered("", 1))


def answer_of(site: EndingSite, reading: Reading) -> str:
    ((text,),) = site.rows("SELECT text FROM chat_message WHERE id = ?", reading.end["message_id"].replace("-", ""))
    return str(text)


async def test_an_answer_ends_before_its_readers_are_disconnected(
    start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    site = start_site(CHAT_DRAIN="20")
    alice = site.cast["alice"]
    browser = Browser(site, alice, http)
    async with socket(site, alice) as reader, socket(site, site.cast["charlie"]) as idle:
        reading = await reader.run(HELD)
        by_sse = Reading(reading.run_id)
        following = asyncio.create_task(browser.follow(by_sse))
        everything = asyncio.create_task(all_events(http, site))
        await reading.has(3 * PIECE)
        await by_sse.has(3 * PIECE)
        site.signal()
        await site.stops_listening()
        # A reader without a running answer is disconnected at once.
        await sent_away(idle)
        refused = await reader.send("And another?")
        assert (refused["code"], refused["retryable"], refused["retry_after"]) == ("draining", True, 1)
        assert (reader.bye, by_sse.outcome) == (None, "")
        upstream.release()
        await reading.ended()
        await sent_away(reader)
    assert await following == 200
    assert [by_sse.outcome, by_sse.text, reading.text] == ["done", *[numbered(HELD, 6)] * 2]
    events = await everything
    assert '"status":"completed"' in events
    assert re.search(r"\n\nretry: \d+\nevent: ping\ndata: \{.+\}\n\n$", events)
    assert await site.exit_code() == 0
    assert answer_of(site, reading) == numbered(HELD, 6)


async def all_events(session: aiohttp.ClientSession, site: EndingSite) -> str:
    """Everything that `/api/events` sends, up to its clean end."""
    async with session.get(f"{site.url}/api/events", headers=site.cast["alice"].bearer) as response:
        return await response.text()


async def test_at_the_time_limit_remaining_runs_end_with_interrupted(
    start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    site = start_site(CHAT_DRAIN="1")
    alice = site.cast["alice"]
    async with socket(site, alice) as reader:
        reading = await reader.run(HELD)
        waiting = asyncio.create_task(Browser(site, alice, http).call("POST", "/api/runs/wait", {"text": HELD}))
        await reading.has(3 * PIECE)
        await asked(upstream, HELD, times=2)
        began = time.monotonic()
        site.signal()
        await reading.ended()
        await sent_away(reader)
    assert reading.end["code"] == "interrupted"
    check_not_saved(site, reading)
    status, body = await waiting
    assert (status, body["error"]["code"]) == (503, "interrupted")
    assert await site.exit_code() == 0
    assert 1 <= time.monotonic() - began < 1 + ENDING_SECONDS


async def test_a_second_signal_ends_the_drain(start_site: StartSite) -> None:
    site = start_site(CHAT_DRAIN="600")
    async with socket(site, site.cast["alice"]) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        site.signal()
        await site.stops_listening()
        assert not reading.outcome
        site.signal(signal.SIGINT)
        await reading.ended()
        await sent_away(reader)
    assert reading.end["code"] == "interrupted"
    assert await site.exit_code() == 0


async def test_a_keep_alive_connection_is_told_and_closed(start_site: StartSite, upstream: Upstream) -> None:
    site = start_site(CHAT_DRAIN="20")
    kept = http.client.HTTPConnection(site.host, timeout=END_SECONDS)
    async with socket(site, site.cast["alice"]) as reader:
        reading = await reader.run(HELD)
        await reading.has(3 * PIECE)
        before = await asyncio.to_thread(get, kept, "/readyz")
        assert before == (200, None, {"ready": True, "code": "ready", "database": True, "log": True})
        site.signal()
        await site.stops_listening()
        after = await asyncio.to_thread(get, kept, "/readyz")
        assert after == (503, "close", {"ready": False, "code": "draining", "database": True, "log": True})
        upstream.release()
        await reading.ended()
    assert await site.exit_code() == 0
    kept.close()


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, str | None, object]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.headers["Connection"], json.loads(response.read())
