"""Rows 5 and R1: if the process that writes an answer dies, another one finishes it, with or without a reader."""

from __future__ import annotations

from typing import Final

from tests.faults.client import Browser, numbered, socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.invariants import check_saved, check_whole_turns
from tests.faults.rows.kills import kill_owner
from tests.faults.rows.rig import Rig
from tests.members import Member

pytestmark = in_a_cluster

TOKEN: Final = len(numbered("", 1))


async def test_no_answer_is_lost_doubled_or_torn_when_its_server_is_killed(
    rig: Rig, site: Cluster, alice: Member, browser: Browser
) -> None:
    """12 answers of the killed server, and one of the other server, which is not affected."""
    prompt = "/numbered count=300 rate=30 elsewhere"
    async with socket(site, alice, port=site.servers[1].port) as connection:
        undisturbed = await connection.run(prompt)
        await undisturbed.has(TOKEN)
        trials = await kill_owner(rig, runs=12, owner=0)
        await undisturbed.ended()
    assert [trial for trial in trials if trial.failure] == []
    assert len(trials) >= 6
    assert "reset" not in undisturbed.names
    await check_saved(browser, undisturbed, numbered(prompt, 300))
    check_whole_turns(site)
