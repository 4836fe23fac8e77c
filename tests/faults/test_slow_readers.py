"""Rows 13 and 14: a slow reader gets fewer, larger frames; one that reads or acknowledges nothing is disconnected."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.protocol import close_codes
from tests.faults.client import Browser, numbered, open_socket, socket
from tests.faults.configurations import in_every_configuration
from tests.faults.invariants import check_saved
from tests.faults.processes import Site
from tests.faults.proxy import proxy
from tests.faults.reading import Reading
from tests.faults.settings import SETTINGS
from tests.members import Member

pytestmark = in_every_configuration

TOKEN: Final = len(numbered("", 1))
READERS: Final = 20
SLOW_BYTES_PER_SECOND: Final = 18 * 1024
MIB: Final = 1024 * 1024
# Python releases memory late, and the log itself holds the answer.
MEMORY_BYTES: Final = 16 * MIB
WINDOW: Final = 64 * 1024
# How long the site of the tests waits for an acknowledgement.
STALLED_SECONDS: Final = float(SETTINGS["CHAT_STALLED_SECONDS"])


async def test_slow_readers_get_all_the_text_in_fewer_frames(site: Site, alice: Member, browser: Browser) -> None:
    """20 slow readers fall behind an answer that comes at once; they do not delay a fast one."""
    count = 12_000
    prompt = f"/numbered count={count} rate=4000 slow"
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(proxy(site.port))
        fast = await stack.enter_async_context(socket(site, alice))
        slow = [await stack.enter_async_context(socket(site, alice, port=network.port)) for _ in range(READERS)]
        # The first run imports modules.
        await (await fast.run("/hello warming up")).ended()
        before = site.rss
        network.bytes_per_second = SLOW_BYTES_PER_SECOND
        reading = await fast.run(prompt)
        crawling = [Reading(reading.run_id) for _ in slow]
        await asyncio.gather(*(each.subscribe(mine) for each, mine in zip(slow, crawling, strict=True)))
        await reading.ended()
        # The slow readers are behind when the fast one is done, so they did not delay it.
        assert max(each.size for each in crawling) < reading.size
        await asyncio.gather(*(each.ended() for each in crawling))
        grown = site.rss - before
        frames = [each.frames for each in slow]
    text = numbered(prompt, count)
    for each in (reading, *crawling):
        await check_saved(browser, each, text)
    assert grown < MEMORY_BYTES
    assert max(frames) < count / 50
    # The control: the fast reader gets each piece as it comes.
    assert max(frames) < fast.frames


async def test_a_reader_that_never_acknowledges_gets_one_window_and_a_bye(
    site: Site, alice: Member, browser: Browser
) -> None:
    prompt = "/numbered count=30000 rate=0 silent"
    async with socket(site, alice) as watching:
        watched = await watching.run(prompt)
        silent = await open_socket(site, alice, acks=False)
        reading = Reading(watched.run_id)
        await silent.subscribe(reading)
        began = asyncio.get_running_loop().time()
        assert await silent.closed(seconds=STALLED_SECONDS + 60) == close_codes.STALLED
        waited = asyncio.get_running_loop().time() - began
        silent.check()
        assert silent.bye is not None
        assert silent.bye["code"] == close_codes.STALLED
        assert silent.bye["retry_ms"] > 0
        assert silent.bytes <= WINDOW
        assert waited >= STALLED_SECONDS - 0.5
        assert not reading.outcome
        await watched.ended()

    async with socket(site, alice) as again:
        await again.subscribe(reading)
        await reading.ended()
    await check_saved(browser, reading, numbered(prompt, 30_000))
    await check_saved(browser, watched, numbered(prompt, 30_000))


async def test_stalled_readers_use_no_memory_and_are_disconnected(site: Site, alice: Member, browser: Browser) -> None:
    """30 sockets request an answer of 900 KB and read nothing: unbounded, that would be 27 MB."""
    prompt = "/big size=900000 deaf"
    async with socket(site, alice) as watching:
        watched = await watching.run(prompt)
        await watched.ended()
        before = site.rss
        async with AsyncExitStack() as stack:
            deaf = [await stack.enter_async_context(unread(site, alice)) for _ in range(30)]
            for connection in deaf:
                await connection.send(json.dumps({"type": "subscribe", "ref": 1, "run_id": watched.run_id}))
            await readers(browser, 1)
            assert site.rss - before < MEMORY_BYTES
        reading = Reading(watched.run_id)
        await watching.ask("unsubscribe", run_id=watched.run_id)
    async with socket(site, alice) as again:
        await again.subscribe(reading)
        await reading.ended()
    await check_saved(browser, reading)


async def test_false_acknowledgements_get_a_reader_disconnected(site: Site, alice: Member, browser: Browser) -> None:
    """Its window never closes, so unread data fills the connection's buffers, which are bounded, too."""
    async with socket(site, alice) as watching:
        watched = await watching.run("/big size=1000000 liar")
        await watched.ended()
        before = site.rss
        async with unread(site, alice) as liar:
            frame = 0
            with suppress(ConnectionClosed):
                for subscription in range(40):
                    subscribe = {"type": "subscribe", "ref": subscription, "run_id": watched.run_id}
                    await liar.send(json.dumps(subscribe))
                    for _ in range(20):
                        frame += 1
                        await liar.send(json.dumps({"type": "ack", "frame": frame}))
                    await asyncio.sleep(0.05)
            await readers(browser, 1)
            assert site.rss - before < MEMORY_BYTES
        alive = await watching.run("/hello after the liar")
        await alive.ended()
    await check_saved(browser, alive)


@asynccontextmanager
async def unread(site: Site, member: Member) -> AsyncIterator[ClientConnection]:
    """A socket that the client does not read: its small buffers fill up, and then TCP stops the sender."""
    connection = await connect(
        f"ws://{site.host}/ws/chat",
        additional_headers=member.bearer,
        compression=None,
        ping_interval=None,
        proxy=None,
        max_queue=1,
    )
    connection.transport.pause_reading()
    try:
        yield connection
    finally:
        connection.transport.abort()


async def readers(browser: Browser, count: int) -> None:
    """Wait until at most this many sockets are left, according to the site's metrics."""
    async with asyncio.timeout(STALLED_SECONDS + 60):
        while await count_readers(browser) > count:
            """Each check is an HTTP request, so no sleep is needed."""


async def count_readers(browser: Browser) -> float:
    """On all servers. Each is asked directly, because nginx does not pass on /metrics."""
    count = 0.0
    for server in browser.site.servers:
        async with aiohttp.ClientSession() as http, http.get(f"{server.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        # A server that has had no reader yet has no such line.
        found = [line for line in lines if line.startswith('chat_readers{transport="websocket"}')]
        count += sum(float(line.split()[-1]) for line in found)
    return count
