"""Rows 1 to 4: a reload, a bad network, a change of the transport, several devices."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Final

import aiohttp
from websockets.exceptions import InvalidMessage

from tests.faults.client import Browser, Socket, numbered, open_socket, socket
from tests.faults.configurations import in_every_configuration
from tests.faults.followers import SILENT_SECONDS, Follower
from tests.faults.invariants import check_saved
from tests.faults.processes import Site, Upstream
from tests.faults.proxy import proxy
from tests.faults.reading import Reading
from tests.faults.test_stopping import until_saved
from tests.members import Member

pytestmark = in_every_configuration

TOKEN: Final = len(numbered("", 1))
CUTS: Final = 40
SEED: Final = 20
# A replay is read from the log in pieces of this size.
FRAME_BYTES: Final = 8 * 1024


async def test_a_reload_replays_the_answer_in_a_handful_of_frames(
    site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    prompt = "/hold after=600 count=1000 rate=200 reload"
    async with socket(site, alice) as watching:
        reading = await watching.run(prompt)
        page = await open_socket(site, alice)
        await page.subscribe(Reading(reading.run_id))
        await page.reading(reading.run_id).has(50 * TOKEN)
        await page.abort()
        await reading.has(600 * TOKEN)

        async with socket(site, alice) as reloaded:
            hello = await reloaded.hello
            [run] = [run for run in hello["runs"] if run["run_id"] == reading.run_id]
            so_far = int(run["cursor"].split(".")[1])
            again = Reading(reading.run_id)
            await reloaded.subscribe(again)
            await again.until(lambda reading: reading.seq >= so_far)
            # The log has an entry every 30 ms; each would be a frame of its own without merging.
            assert so_far > 10
            assert reloaded.frames <= again.size // FRAME_BYTES + 2
            assert len(again.names) <= reloaded.frames + 1
            upstream.release()
            await again.ended()
        await reading.ended()
    await check_saved(browser, again, numbered(prompt, 1000))
    await check_saved(browser, reading, numbered(prompt, 1000))


async def test_forty_disconnects_lose_and_repeat_nothing(site: Site, alice: Member, browser: Browser) -> None:
    offsets = random.Random(SEED)
    prompt = "/numbered count=4000 rate=1500 cuts"
    async with socket(site, alice) as watching, proxy(site.port) as network:
        watched = await watching.run(prompt)
        reading = Reading(watched.run_id)
        while network.cuts < CUTS:
            # Inside hello, a reply or a frame of events: wherever this many bytes end.
            network.cut_after = offsets.randrange(1, 3000)
            await follow_until_cut(site, alice, reading, network.port)
            assert not reading.outcome, f"the answer was over after {network.cuts} cuts"
        network.cut_after = None
        async with socket(site, alice, port=network.port) as last:
            await last.subscribe(reading)
            await reading.ended()
        await watched.ended()
    await check_saved(browser, reading, numbered(prompt, 4000))


async def follow_until_cut(site: Site, member: Member, reading: Reading, port: int) -> None:
    """Some cuts come before the handshake is complete, some before `hello`."""
    try:
        connection = await open_socket(site, member, port=port)
    except (OSError, EOFError, InvalidMessage):
        return
    with suppress(ConnectionError):
        await connection.hello
        await connection.subscribe(reading)
        await connection.closed()
    connection.check()


async def test_a_silent_network_loses_nothing(
    site: Site, alice: Member, http: aiohttp.ClientSession, upstream: Upstream
) -> None:
    """R10: the silence begins in mid-answer and outlasts the shorter answer. Then each reader has all of it, once."""
    browser = Browser(site, alice, http)
    prompts = [f"/hold after=20 count={count} rate=30 silent {count}" for count in (100, 450)]
    async with proxy(site.port) as network:
        readings, following = [], []
        for prompt in prompts:
            status, run = await browser.start(prompt)
            assert status == 201
            for transport in ("over_socket", "over_sse"):
                readings.append(Reading(run["run_id"]))
                follower = Follower(site, alice, http, port=network.port)
                following.append(asyncio.create_task(getattr(follower, transport)(readings[-1])))
        await asyncio.gather(*(reading.has(20 * TOKEN) for reading in readings))
        network.pause()
        upstream.release()
        seen = [reading.size for reading in readings]
        await until_saved(site, readings[0].run_id)
        await asyncio.sleep(SILENT_SECONDS)
        # The control: nothing arrived except what was in flight.
        assert all(reading.size < size + 60 * TOKEN for reading, size in zip(readings, seen, strict=True))
        assert not any(reading.outcome for reading in readings)
        network.resume()
        async with asyncio.timeout(180):
            await asyncio.gather(*following)
    for reading, count in zip(readings, (100, 100, 450, 450), strict=True):
        await check_saved(browser, reading, numbered(reading.start["user_message"]["text"], count))
        assert "reset" not in reading.names


async def test_the_transport_may_change_twice_in_mid_answer(
    site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    prompt = "/hold after=200 step=200 count=1200 switch"
    reading: Reading | None = None
    for part in range(1, 3):
        async with socket(site, alice) as connection:
            if reading is None:
                reading = await connection.run(prompt)
            else:
                await connection.subscribe(reading)
            await reading.has((400 * part - 200) * TOKEN)
        assert not reading.outcome
        upstream.release()
        assert await browser.follow(reading, until=400 * part * TOKEN) == 200
        assert not reading.outcome
        upstream.release()
    assert reading is not None
    upstream.release()
    async with socket(site, alice) as connection:
        await connection.subscribe(reading)
        await reading.ended()
    await check_saved(browser, reading, numbered(prompt, 1200))


async def test_five_devices_read_the_same_answer(
    site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    prompt = "/hold after=700 count=800 rate=500 devices"
    text = numbered(prompt, 800)
    async with socket(site, alice) as first, socket(site, alice) as second, socket(site, alice) as third:
        whole = await first.run(prompt)
        run_id = whole.run_id
        leaving = await joined(second, whole, at=200)
        over_http = Reading(run_id)
        await whole.has(400 * TOKEN)
        following = asyncio.create_task(browser.follow(over_http))
        leaving_over_http = Reading(run_id)
        assert await browser.follow(leaving_over_http, until=500 * TOKEN) == 200
        late = await joined(third, whole, at=600)
        await second.ask("unsubscribe", run_id=run_id)
        left_at = leaving.seq
        upstream.release()
        await asyncio.gather(whole.ended(), late.ended(), following)
        last = Reading(run_id)
        assert await browser.follow(last) == 200

    assert leaving.seq == left_at
    for partial in (leaving, leaving_over_http):
        assert not partial.outcome
        assert partial.size >= 200 * TOKEN
        assert text.startswith(partial.text)
    for reading in (whole, over_http, late, last):
        await check_saved(browser, reading, text)
    assert len(upstream.exchanges(prompt)) == 1


async def joined(connection: Socket, whole: Reading, *, at: int) -> Reading:
    """A device that joins after this many tokens."""
    await whole.has(at * TOKEN)
    reading = Reading(whole.run_id)
    await connection.subscribe(reading)
    await reading.has(at * TOKEN)
    return reading
