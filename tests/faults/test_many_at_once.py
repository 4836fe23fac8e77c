"""More simultaneous requests than pooled connections: each holds only one at a time, so none waits in vain."""

from __future__ import annotations

import asyncio

from tests.faults.client import Browser
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.invariants import check_saved
from tests.faults.reading import Reading
from tests.members import Member

pytestmark = in_a_cluster

# The pool of a process has 12 connections.
REQUESTS = 30


async def test_every_concurrent_send_becomes_a_run(site: Cluster, browser: Browser) -> None:
    browser.url = site.servers[0].url
    results = await asyncio.gather(*(browser.start(f"/hello {number}") for number in range(REQUESTS)))
    assert [status for status, _ in results] == [201] * REQUESTS
    readings = [Reading(run["run_id"]) for _, run in results]
    await asyncio.gather(*(browser.follow(reading) for reading in readings))
    for reading in readings:
        await check_saved(browser, reading)


async def test_every_concurrent_request_with_a_session_is_answered(
    site: Cluster, alice: Member, browser: Browser
) -> None:
    browser.url = site.servers[0].url
    browser.headers = alice.cookie
    results = await asyncio.gather(*(browser.call("GET", "/api/conversations") for _ in range(REQUESTS)))
    assert [status for status, _ in results] == [200] * REQUESTS
