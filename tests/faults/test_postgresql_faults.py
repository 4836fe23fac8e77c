"""Rows 22, R3, R4, R5: PostgreSQL restarted, killed or full as turns end, and disconnected within a transaction."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

import aiohttp
import psycopg
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.followers import Follower
from tests.faults.invariants import answers, check_saved, check_whole_turns, turns
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.faults.rows.database_faults import PROVOKED, TURNS, Fault, away, restarted, under_database_fault
from tests.faults.rows.rig import Rig
from tests.members import Member

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
USABLE_SECONDS: Final = 60.0
# BEGIN, the assistant, the conversation, two messages with their lookups, the conversation again, COMMIT.
STATEMENTS_AT_LEAST: Final = 6
FULL: Final = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON chat_message
    FOR EACH ROW WHEN (NEW.role = 'assistant') EXECUTE FUNCTION full_disk();
"""
ROOM: Final = "DROP TRIGGER IF EXISTS full_disk ON chat_message; DROP FUNCTION IF EXISTS full_disk;"


@pytest.mark.parametrize("fault", [restarted, away], ids=lambda fault: fault.__name__)
async def test_turns_ending_during_an_outage_are_saved_afterwards(
    fault: Fault, rig: Rig, site: Cluster, browser: Browser
) -> None:
    trials = await under_database_fault(rig, fault)
    assert [trial for trial in trials if trial.failure] == []
    assert len(trials) == TURNS
    check_whole_turns(site)
    await check_saved(browser, await browser.stream(f"/hello after {fault.__name__}"))


async def test_turns_are_saved_once_the_disk_has_room(site: Cluster, alice: Member, browser: Browser) -> None:
    """PostgreSQL fails in the middle of the transaction: the question is written, the answer is not."""
    execute(site, FULL)
    try:
        async with socket(site, alice) as connection:
            readings = [await connection.run(f"/numbered count=20 no room {number}") for number in range(3)]
            for reading in readings:
                await reading.until(lambda each: "status" in each.names)
                assert (reading.size, reading.outcome) == (20 * TOKEN, "")
                assert answers(site, reading.run_id) == []
            check_whole_turns(site)
            assert (await browser.call("GET", "/api/conversations"))[0] == 200
            execute(site, ROOM)
            for number, reading in enumerate(readings):
                await reading.ended()
                await check_saved(browser, reading, numbered(f"/numbered count=20 no room {number}", 20))
    finally:
        execute(site, ROOM)


def execute(site: Cluster, statements: str) -> None:
    with psycopg.connect(site.database.url, autocommit=True) as database:
        database.execute(statements)  # type: ignore[arg-type]


async def test_an_interrupted_transaction_leaves_all_or_nothing(
    site: Cluster, alice: Member, browser: Browser, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """After its first statement, its second, … up to COMMIT, whose reply is lost: that turn is saved, once."""
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
        # Either it was cut, and is not retried yet, or it succeeded, because it has fewer statements.
        async with asyncio.timeout(60):
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
    # The last one that was cut lost only the reply to COMMIT.
    assert len(committed) > STATEMENTS_AT_LEAST
    assert committed == [False] * (len(committed) - 2) + [True, True]
