"""Rows 23 and R16: a server that is stopped in mid-answer loses nothing, and no reader sees an error."""

from __future__ import annotations

from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.invariants import check_whole_turns
from tests.faults.rows.drains import drain_owner
from tests.faults.rows.rig import Rig

pytestmark = in_a_cluster


async def test_answers_end_or_are_handed_over_without_errors(rig: Rig, site: Cluster) -> None:
    trials = await drain_owner(rig, runs=12, owner=0)
    assert [trial for trial in trials if trial.failure] == []
    answers = [trial for trial in trials if trial.what.startswith("/")]
    assert len(answers) >= 6
    check_whole_turns(site)
