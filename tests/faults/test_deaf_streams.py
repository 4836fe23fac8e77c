"""Row 15: readers of SSE that read nothing cost the server no memory, and get all of it when they read on."""

from __future__ import annotations

import asyncio
import urllib.request
from contextlib import AsyncExitStack
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser
from tests.faults.conftest import StartSite
from tests.faults.invariants import check_saved
from tests.faults.processes import Site
from tests.faults.reading import Reading
from tests.faults.rows.deaf import deaf_stream
from tests.faults.sabotage import command

MIB: Final = 1024 * 1024
READERS: Final = 30
# More than a connection holds between two programs of one machine.
PIECES: Final = 8
SIZE: Final = 1_000_000
SETTINGS: Final = {"CHAT_ANSWER_BYTES": str(2 * PIECES * SIZE)}
# Unbounded it would be 240 MB. What stays is the text itself, once, and what Python has not given back yet.
MEMORY_BYTES: Final = 48 * MIB
STEP: Final = 1_500_000
STILL_SECONDS: Final = 1.0
SENT: Final = 'chat_event_bytes_total{transport="sse"}'
LISTENING: Final = 'chat_readers{transport="sse"}'


@pytest.mark.parametrize("configuration", ["embedded", "uvicorn"])
async def test_they_make_the_server_wait_and_not_grow(
    configuration: str, start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site(configuration, **SETTINGS)
    alice, [server] = site.cast["alice"], site.servers
    browser = Browser(site, alice, http)
    reading = Reading("")
    status, run = await browser.start(f"/big size={SIZE} pieces={PIECES}")
    assert status == 201
    reading.run_id = run["run_id"]
    # Read in several connections: each one goes on where the last one was left.
    while not reading.outcome:
        assert await browser.follow(reading, until=reading.size + STEP) == 200
    before = site.rss
    async with AsyncExitStack() as stack:
        for _ in range(READERS):
            await stack.enter_async_context(deaf_stream(server, alice, reading.run_id))
        sent = await still(site)
        # The control: they have asked, and been sent what the connections hold, and that is far from all.
        assert 0 < sent < READERS * PIECES * SIZE / 2
        assert site.rss - before < MEMORY_BYTES
        # And nobody else waits for them.
        again = Reading(reading.run_id)
        assert await browser.follow(again) == 200
    assert again.text == reading.text == "0123456789" * (PIECES * SIZE // 10)
    await check_saved(browser, reading)


async def test_control_a_server_that_does_not_wait_sends_them_everything(
    start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site(**SETTINGS)
    alice, [server] = site.cast["alice"], site.servers
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start, command("no_waiting"))
    browser = Browser(site, alice, http)
    status, run = await browser.start(f"/big size={SIZE} pieces={PIECES}")
    assert status == 201
    reading = Reading(run["run_id"])
    assert await browser.follow(reading) == 200
    await check_saved(browser, reading)
    before, sent = site.rss, await asyncio.to_thread(metric, site, SENT)
    async with AsyncExitStack() as stack:
        for _ in range(READERS):
            await stack.enter_async_context(deaf_stream(server, alice, reading.run_id))
        async with asyncio.timeout(240):
            while await asyncio.to_thread(metric, site, SENT) < sent + READERS * PIECES * SIZE:
                await asyncio.sleep(0.1)
        assert site.rss - before > MEMORY_BYTES


async def still(site: Site) -> float:
    """Wait until all are there and none of them is sent anything any more; the bytes that they have been sent."""
    begun = await asyncio.to_thread(metric, site, SENT)
    async with asyncio.timeout(240):
        while True:
            sent = await asyncio.to_thread(metric, site, SENT)
            await asyncio.sleep(STILL_SECONDS)
            everybody = await asyncio.to_thread(metric, site, LISTENING) >= READERS
            if everybody and sent > 0 and sent == await asyncio.to_thread(metric, site, SENT):
                return sent - begun


def metric(site: Site, name: str) -> float:
    with urllib.request.urlopen(f"{site.url}/metrics", timeout=60) as response:
        lines = response.read().decode().splitlines()
    [value] = [line.removeprefix(name) for line in lines if line.startswith(name)]
    return float(value)
