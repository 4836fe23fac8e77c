"""Rows 7 and R2: `kill -9` just before the turn is committed, inside its transaction, and before its `done`."""

from __future__ import annotations

import uuid
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.conftest import StartSite
from tests.faults.invariants import answers, check_saved, check_whole_turns, turns
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.faults.rows.commits import POINTS, all_held, kill_in_commit
from tests.faults.rows.rig import Rig
from tests.faults.sabotage import command

COUNT: Final = 20


@in_a_cluster
async def test_another_server_completes_an_interrupted_save(rig: Rig, site: Cluster) -> None:
    """The text was complete: no second request, no reset, and `done` names the committed message."""
    points = dict.fromkeys(POINTS, 2)
    trials = await kill_in_commit(rig, points=points, owner=0)
    assert [trial for trial in trials if trial.failure] == []
    assert len(trials) == sum(points.values())
    check_whole_turns(site)


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
async def test_a_single_server_has_the_turn_or_accepts_it_again(
    point: str, start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """The log is gone with the process. A committed turn is found; any other is sent again by the client."""
    site = start_site()
    alice, [server] = site.cast["alice"], site.servers
    server.stop()
    server.start(command("hold_saves"))
    message = {"client_message_id": str(uuid.uuid4()), "text": f"/numbered count={COUNT} alone fault={point}"}
    text = numbered(message["text"], COUNT)
    async with socket(site, alice) as connection:
        lost = await connection.run(**message)
        await lost.has(len(text))
        await all_held(server, {point: 1})
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
