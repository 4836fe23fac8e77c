"""Rows 7 and R2: `kill -9` just before the turn is committed, inside its transaction, and before its `done`."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.conftest import StartSite
from tests.faults.followers import Follower
from tests.faults.invariants import answers, check_saved, check_whole_turns, turns
from tests.faults.processes import Member, Server, Upstream
from tests.faults.reading import Reading
from tests.faults.sabotage import HELD, command

POINTS: Final = ("before_commit", "inside", "after_commit")
COUNT: Final = 20


async def held(server: Server, *points: str) -> None:
    async with asyncio.timeout(20):
        while not all(f"{HELD} {point}" in server.log for point in points):
            await asyncio.sleep(0.02)


@in_a_cluster
async def test_what_is_left_of_the_saving_is_done_by_the_other_server(
    site: Cluster, alice: Member, browser: Browser, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """The text was complete: nothing is asked again, nothing reset, and `done` names what was committed."""
    doomed = site.servers[0]
    await asyncio.to_thread(doomed.stop)
    await asyncio.to_thread(doomed.start, command("hold_saves"))
    direct = Browser(site, alice, http, url=doomed.url)
    prompts = [f"/numbered count={COUNT} fault={point}" for point in POINTS]
    runs = [await direct.start(prompt, client_message_id=str(uuid.uuid4())) for prompt in prompts]
    assert [status for status, _ in runs] == [201] * len(POINTS)
    readings = [Reading(run["run_id"]) for _, run in runs]
    followers = [Follower(site, alice, http) for _ in runs]
    following = [
        asyncio.create_task(follower.over_socket(reading))
        for follower, reading in zip(followers, readings, strict=True)
    ]
    await held(doomed, *POINTS)
    await asyncio.gather(*(reading.has(len(numbered("", COUNT))) for reading in readings))
    assert not any(reading.outcome for reading in readings)
    # What a reader is told is committed, and what is not committed nobody sees.
    saved = [await asyncio.to_thread(answers, site, reading.run_id) for reading in readings]
    assert saved == [[], [], [readings[2].text]]
    [(committed,)] = site.rows("SELECT id FROM chat_message WHERE run_id = ?", uuid.UUID(readings[2].run_id))
    await asyncio.to_thread(doomed.kill)
    try:
        async with asyncio.timeout(40):
            await asyncio.gather(*following)
        for prompt, reading in zip(prompts, readings, strict=True):
            await check_saved(browser, reading, numbered(prompt, COUNT))
            assert "reset" not in reading.names
            assert len(upstream.exchanges(prompt)) == 1
        assert readings[2].end["message_id"] == str(committed)
    finally:
        await asyncio.to_thread(doomed.start)


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
async def test_alone_it_has_the_turn_or_can_be_sent_it_again(
    point: str, start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """The log is gone with the process. What was committed is the turn; what was not is sent again by the client."""
    site = start_site()
    alice, [server] = site.cast["alice"], site.servers
    server.stop()
    server.start(command("hold_saves"))
    message = {"client_message_id": str(uuid.uuid4()), "text": f"/numbered count={COUNT} alone fault={point}"}
    text = numbered(message["text"], COUNT)
    async with socket(site, alice) as connection:
        lost = await connection.run(**message)
        await lost.has(len(text))
        await held(server, point)
        server.kill()
        await connection.closed()
    was_committed = point == "after_commit"
    assert not lost.outcome
    assert answers(site, lost.run_id) == ([text] if was_committed else [])
    check_whole_turns(site)
    server.start()

    browser = Browser(site, alice, http)
    status, again = await browser.start(**message)
    assert status == (200 if was_committed else 201)
    assert (again["run_id"] == lost.run_id) is was_committed
    reading = Reading(again["run_id"])
    await browser.follow(reading)
    await check_saved(browser, reading, text)
    assert turns(site, message["client_message_id"]) == 1
    assert len(upstream.exchanges(message["text"])) == (1 if was_committed else 2)
