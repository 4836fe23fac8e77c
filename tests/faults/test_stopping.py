"""Rows 9 and 11: Stop takes effect at once and keeps what was received; disconnecting stops nothing."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any, Final

import pytest

from tests.faults.client import Browser, Socket, numbered, open_socket, socket
from tests.faults.configurations import in_every_configuration
from tests.faults.invariants import answers, check_saved, open_requests, turns, upstream_closed
from tests.faults.processes import Site, Upstream
from tests.faults.reading import Reading
from tests.members import Member

pytestmark = in_every_configuration

TOKEN: Final = len(numbered("", 1))
# The site's own limits, within one process and across two. The second fastest of a few trials counts, because the
# machine may be busy. On top comes SLOWER times the duration of a plain call, which is long on a busy machine.
CLOSED_SECONDS: Final = 0.5
CLOSED_ELSEWHERE_SECONDS: Final = 1.0
SLOWER: Final = 5
TRIALS: Final = 5
RACES: Final = 30
MOST_BATCHES: Final = 8
SEED: Final = 9


async def closed_after(upstream: Upstream, prompt: str, stopped: float) -> float:
    """Seconds from the stop until the upstream's connection was closed, by the upstream's own clock."""
    await upstream_closed(upstream)
    journal = await asyncio.to_thread(upstream.journal)
    [exchange] = [each for each in journal["exchanges"] if each["prompt"] == prompt]
    [connection] = [each for each in journal["connections"] if each["number"] == exchange["connection"]]
    assert not exchange["complete"]
    return float(connection["closed"]) - stopped


async def check_prompt(browser: Browser, seconds: list[float]) -> None:
    calls = []
    for _ in seconds:
        began = time.monotonic()
        assert (await browser.call("GET", "/api/runs"))[0] == 200
        calls.append(time.monotonic() - began)
    bound = CLOSED_ELSEWHERE_SECONDS if browser.site.is_cluster else CLOSED_SECONDS
    assert sorted(seconds)[1] < bound + SLOWER * sorted(calls)[1], (seconds, calls)


async def check_stopped(browser: Browser, reading: Reading, prompt: str) -> None:
    await reading.ended()
    assert reading.end["status"] == "stopped"
    assert reading.end["finish_reason"] == "stopped"
    assert numbered(prompt, 9999).startswith(reading.text)
    await check_saved(browser, reading)


async def test_stop_over_the_socket_closes_the_upstream_immediately(
    site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    seconds = []
    for trial in range(TRIALS):
        prompt = f"/numbered count=5000 rate=200 stop {trial}"
        async with socket(site, alice) as connection:
            reading = await connection.run(prompt)
            await reading.has(20 * TOKEN)
            # The control: without a stop, it is open.
            assert open_requests(upstream) == [prompt]
            stopped = time.monotonic()
            assert (await connection.stop(reading.run_id))["type"] == "ok"
            await check_stopped(browser, reading, prompt)
            assert reading.size >= 20 * TOKEN
        seconds.append(await closed_after(upstream, prompt, stopped))
    await check_prompt(browser, seconds)


async def test_stop_by_an_sse_reader_closes_the_upstream_immediately(
    site: Site, browser: Browser, upstream: Upstream
) -> None:
    seconds = []
    for trial in range(TRIALS):
        prompt = f"/numbered count=5000 rate=200 stop http {trial}"
        status, run = await browser.start(prompt)
        assert status == 201
        reading = Reading(run["run_id"])
        following = asyncio.create_task(browser.follow(reading))
        await reading.has(20 * TOKEN)
        stopped = time.monotonic()
        assert await browser.stop(reading.run_id) == 202
        await check_stopped(browser, reading, prompt)
        assert await following == 200
        seconds.append(await closed_after(upstream, prompt, stopped))
    await check_prompt(browser, seconds)


@pytest.mark.parametrize("silence", ["/stall after=3", "/mute", "/no-headers"])
async def test_stop_during_silence_does_not_wait_for_the_next_token(
    silence: str, site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    seconds = []
    for trial in range(TRIALS):
        prompt = f"{silence} {trial}"
        async with socket(site, alice) as connection:
            reading = await connection.run(prompt)
            await asked(upstream, prompt)
            if "stall" in silence:
                await reading.has(3 * TOKEN)
            stopped = time.monotonic()
            assert (await connection.stop(reading.run_id))["type"] == "ok"
            await check_stopped(browser, reading, prompt)
        seconds.append(await closed_after(upstream, prompt, stopped))
    await check_prompt(browser, seconds)


async def asked(upstream: Upstream, prompt: str) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(upstream.exchanges, prompt):
            """Each check is an HTTP request, so no sleep is needed."""


async def test_a_second_stop_and_a_stop_after_the_end_change_nothing(
    site: Site, alice: Member, browser: Browser
) -> None:
    async with socket(site, alice) as connection:
        reading = await connection.run("/stall after=3 twice")
        await reading.has(3 * TOKEN)
        statuses = await asyncio.gather(*(browser.stop(reading.run_id) for _ in range(4)))
        assert sorted(statuses) == [200, 200, 200, 202]
        await reading.ended()
        assert await browser.stop(reading.run_id) == 200
        assert (await connection.stop(reading.run_id))["type"] == "ok"

        whole = await connection.run("/hello after the end")
        await whole.ended()
        assert await browser.stop(whole.run_id) == 200
        assert whole.end["status"] == "completed"
    await check_saved(browser, reading)
    await check_saved(browser, whole)


@pytest.mark.parametrize("moment", ["start", "finish"])
async def test_a_racing_stop_leaves_one_turn_and_one_end(
    moment: str, site: Site, alice: Member, browser: Browser
) -> None:
    """60 races in two tests: against the first token and against the end. Whichever wins, the turn is complete."""
    jitter = random.Random(SEED)
    outcomes: list[str] = []

    async def race(connection: Socket, number: int, slower: int) -> None:
        count = 10 if moment == "finish" else 500
        reading = await connection.run(f"/numbered count={count} rate={50 / slower:g} {moment} {number}")
        if moment == "finish":
            # One in ten waits for the whole answer, each time a little longer.
            last = number % count == count - 1
            await reading.has((number % count + 1) * TOKEN)
            await asyncio.sleep(0.3 * slower * number / RACES if last else 0)
        await asyncio.sleep(jitter.uniform(0, 0.02))
        reply = await connection.stop(reading.run_id)
        assert reply["type"] == "ok"
        await reading.ended()
        await check_saved(browser, reading)
        assert await asyncio.to_thread(answers, site, reading.run_id) == [reading.text]
        assert numbered(reading.start["user_message"]["text"], count).startswith(reading.text)
        outcomes.append(reading.end["status"])

    # If one side always won at the end, it would be no race: until both have won, the answers are slowed down.
    expected = {"stopped", "completed"} if moment == "finish" else {"stopped"}
    batch = 0
    while batch < RACES // 10 or (set(outcomes) != expected and batch < MOST_BATCHES):
        slower = 2 ** max(0, batch + 1 - RACES // 10)
        # A fast site finishes all of them within a second, which would be a flood on one socket.
        async with socket(site, alice) as connection:
            await asyncio.gather(*(race(connection, 10 * batch + each, slower) for each in range(10)))
        batch += 1
    assert len(outcomes) == 10 * batch
    assert set(outcomes) == expected


async def test_disconnecting_does_not_stop_the_run(site: Site, alice: Member, browser: Browser) -> None:
    prompt = "/numbered count=300 rate=300 gone"
    client_message_id = str(uuid.uuid4())
    connection = await open_socket(site, alice)
    reply = await connection.send(prompt, client_message_id=client_message_id)
    reading = connection.reading(reply["run_id"])
    await reading.has(10 * TOKEN)
    over_http = Reading(reading.run_id)
    assert await browser.follow(over_http, until=10 * TOKEN) == 200
    await connection.abort()
    assert not reading.outcome

    saved = await until_saved(site, reading.run_id)
    assert saved == numbered(prompt, 300)
    assert turns(site, client_message_id) == 1
    await browser.follow(reading)
    await check_saved(browser, reading, numbered(prompt, 300))


async def until_saved(site: Site, run_id: str) -> str:
    """Nobody follows the run, so poll the database."""
    async with asyncio.timeout(60):
        while not (found := await asyncio.to_thread(answers, site, run_id)):
            pass
    return found[0]


async def test_disconnecting_before_the_first_token_does_not_stop_the_run(site: Site, alice: Member) -> None:
    connection = await open_socket(site, alice)
    reply: dict[str, Any] = await connection.send("/numbered count=50 rate=100 early")
    await connection.abort()
    assert await until_saved(site, reply["run_id"]) == numbered("/numbered count=50 rate=100 early", 50)
