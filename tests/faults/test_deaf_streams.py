"""Row 15: SSE readers that read nothing cost the server no memory, and get everything when they continue."""

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
# More than a connection between two local programs can buffer.
PIECES: Final = 8
SIZE: Final = 1_000_000
SETTINGS: Final = {"CHAT_ANSWER_BYTES": str(2 * PIECES * SIZE)}
# Unbounded, it would be 240 MB. This allows one copy of the text, and memory that Python has not released.
MEMORY_BYTES: Final = 48 * MIB
STEP: Final = 1_500_000
STILL_SECONDS: Final = 1.0
SENT: Final = 'chat_event_bytes_total{transport="sse"}'
LISTENING: Final = 'chat_readers{transport="sse"}'


@pytest.mark.parametrize("configuration", ["embedded", "uvicorn"])
async def test_stalled_readers_do_not_make_the_server_grow(
    configuration: str, start_site: StartSite, http: aiohttp.ClientSession
) -> None:
    site = start_site(configuration, **SETTINGS)
    alice, [server] = site.cast["alice"], site.servers
    browser = Browser(site, alice, http)
    reading = Reading("")
    status, run = await browser.start(f"/big size={SIZE} pieces={PIECES}")
    assert status == 201
    reading.run_id = run["run_id"]
    # Read over several connections, each resuming where the last one stopped.
    while not reading.outcome:
        assert await browser.follow(reading, until=reading.size + STEP) == 200
    before = site.rss
    async with AsyncExitStack() as stack:
        for _ in range(READERS):
            await stack.enter_async_context(deaf_stream(server, alice, reading.run_id))
        sent = await still(site)
        # The control: they were sent what their connections can buffer, which is far from everything.
        assert 0 < sent < READERS * PIECES * SIZE / 2
        assert site.rss - before < MEMORY_BYTES
        # And they do not delay others.
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
    """Wait until all are connected and nothing more is sent to them; return the bytes sent so far."""
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
