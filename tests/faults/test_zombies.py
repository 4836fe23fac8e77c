"""Row 8: an owner that is suspended for longer than its lease changes nothing when it continues."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

import aiohttp

from tests.faults.client import Browser, numbered, varied
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.followers import Follower
from tests.faults.invariants import answers, check_saved
from tests.faults.processes import Upstream
from tests.faults.reading import Reading
from tests.members import Member
from tests.server.ending import until

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))
COUNT: Final = 300
TAKEN_OVER_SECONDS: Final = 60.0


async def test_writes_of_a_zombie_are_refused(
    site: Cluster, alice: Member, browser: Browser, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    """It continues with the rest of the first answer when the other server has written part of the second."""
    owner = site.servers[0]
    prompt = f"/varied after=20 count={COUNT} zombie"
    status, run = await Browser(site, alice, http, url=owner.url).start(prompt)
    assert status == 201
    readings = [Reading(run["run_id"]) for _ in range(2)]
    followers = [Follower(site, alice, http) for _ in readings]
    # On the other server, so that it need not notice first that the owner is suspended. By then, the request to the
    # held model would have timed out.
    beside = Reading(run["run_id"])
    following = [
        asyncio.create_task(Browser(site, alice, http, url=site.servers[1].url).follow(beside)),
        asyncio.create_task(followers[0].over_socket(readings[0])),
        asyncio.create_task(followers[1].over_sse(readings[1])),
    ]
    await asyncio.gather(*(reading.has(20 * TOKEN) for reading in [*readings, beside]))
    owner.signal(signal.SIGSTOP)
    upstream.release()
    try:
        await beside.until(lambda each: "reset" in each.names, seconds=TAKEN_OVER_SECONDS)
        await beside.has(20 * TOKEN)
    finally:
        owner.signal(signal.SIGCONT)
    refused = f"run {run['run_id']}: lost ownership"
    await until(lambda: refused in owner.log)
    assert not any(reading.outcome for reading in [*readings, beside])
    upstream.release()
    async with asyncio.timeout(TAKEN_OVER_SECONDS):
        await asyncio.gather(*following)
    for reading in [*readings, beside]:
        await check_saved(browser, reading, varied(prompt, COUNT, attempt=2))
        assert reading.names.count("reset") == 1
    assert answers(site, run["run_id"]) == [readings[0].text]
    assert len(upstream.exchanges(prompt)) == 2
