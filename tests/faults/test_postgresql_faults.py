"""Rows 22, R3, R4, R5: PostgreSQL restarted or killed as turns end, and cut off within a transaction."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser, numbered
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.followers import Follower
from tests.faults.invariants import answers, check_saved, check_whole_turns, turns
from tests.faults.processes import Member, Upstream
from tests.faults.reading import Reading

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
TURNS: Final = 20
USABLE_SECONDS: Final = 60.0
# BEGIN, the assistant, the conversation, two messages with what they look up, the conversation again, COMMIT.
STATEMENTS_AT_LEAST: Final = 6
PROVOKED: Final = ("could not be checked", "A call of the API failed", "waits for the database", "failed")


@pytest.mark.parametrize("fault", ["restart", "kill"])
async def test_turns_that_end_meanwhile_are_saved_afterwards(
    fault: str,
    site: Cluster,
    alice: Member,
    browser: Browser,
    upstream: Upstream,
    http: aiohttp.ClientSession,
) -> None:
    site.expected = (*site.expected, *PROVOKED)
    prompts = [f"/hold after=20 count=25 {fault} {number}" for number in range(TURNS)]
    readings: list[Reading] = []
    following = []
    for number, prompt in enumerate(prompts):
        status, run = await Browser(site, alice, http, url=site.servers[number % 2].url).start(prompt)
        assert status == 201
        readings.append(Reading(run["run_id"]))
        follower = Follower(site, alice, http)
        follow = follower.over_sse if number % 3 == 0 else follower.over_socket
        following.append(asyncio.create_task(follow(readings[-1])))
    await asyncio.gather(*(reading.has(20 * TOKEN) for reading in readings))
    upstream.release()
    await readings[0].has(25 * TOKEN)
    await asyncio.to_thread(site.database.kill if fault == "kill" else site.database.stop)
    assert not all(reading.outcome for reading in readings)
    for reading in readings:
        await reading.has(25 * TOKEN)
    await asyncio.to_thread(site.database.start)
    async with asyncio.timeout(USABLE_SECONDS):
        await asyncio.gather(*following)
    await asyncio.to_thread(site.until_ready)
    for prompt, reading in zip(prompts, readings, strict=True):
        await check_saved(browser, reading, numbered(prompt, 25))
        assert "reset" not in reading.names
    check_whole_turns(site)
    await check_saved(browser, await browser.stream(f"/hello after the {fault}"))


async def test_a_transaction_that_is_cut_anywhere_leaves_all_or_nothing(
    site: Cluster, alice: Member, browser: Browser, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """Its first statement, then its second …, up to the COMMIT, whose reply is lost: that turn is there, once."""
    site.expected = (*site.expected, *PROVOKED)
    wire = site.to_database[0]
    direct = Browser(site, alice, http, url=site.servers[0].url)
    committed: list[bool] = []
    for statements in range(1, 30):
        prompt = f"/hold after=3 count=5 cut after {statements}"
        message = {"client_message_id": str(uuid.uuid4()), "text": prompt}
        status, run = await direct.start(**message)
        assert status == 201
        reading = Reading(run["run_id"])
        following = asyncio.create_task(Follower(site, alice, http).over_socket(reading))
        await reading.has(3 * TOKEN)
        wire.cut_after(statements)
        await asyncio.to_thread(upstream.release)
        # Away, and therefore not tried again yet; or through, because it has fewer statements.
        async with asyncio.timeout(30):
            while not wire.is_away and not reading.outcome:
                await asyncio.sleep(0.01)
        is_through = not wire.is_away
        saved = await asyncio.to_thread(answers, site, reading.run_id)
        check_whole_turns(site)
        committed.append(bool(saved))
        wire.mend()
        wire.cut_after(0)
        async with asyncio.timeout(USABLE_SECONDS):
            await following
        await check_saved(browser, reading, numbered(prompt, 5))
        assert turns(site, message["client_message_id"]) == 1
        await asyncio.to_thread(site.until_ready)
        if is_through:
            break
    # The last of those that were cut had only its reply cut off: COMMIT.
    assert len(committed) > STATEMENTS_AT_LEAST
    assert committed == [False] * (len(committed) - 2) + [True, True]
