"""Rows 25 and R20, briefly: people with bad habits and bad networks, and a server that is killed now and then."""

from __future__ import annotations

from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.invariants import check_whole_turns
from tests.faults.rows.rig import Rig
from tests.faults.rows.soak import HABITS, soak

pytestmark = in_a_cluster


async def test_many_small_faults_lose_nothing_and_leave_nothing_behind(rig: Rig, site: Cluster) -> None:
    trials = await soak(rig, people=8, seconds=20, kill_every=8)
    assert [trial for trial in trials if trial.failure] == []
    assert {habit for habit in HABITS if any(habit in trial.what for trial in trials)} == set(HABITS)
    check_whole_turns(site)
