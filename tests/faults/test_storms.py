"""Row R14, briefly: the sockets of a server that shuts down reconnect to the other one, spread out, and soon."""

from __future__ import annotations

from tests.faults.cluster import Cluster
from tests.faults.configurations import in_a_cluster
from tests.faults.rows.rig import Rig
from tests.faults.rows.storms import Return, spread, storm


def test_spread_rejects_bunched_reconnects() -> None:
    """The control: the same delay for all, too many short delays, too many attempts per second, or none."""
    together = [Return(2.5, [100.0 + number / 1000]) for number in range(100)]
    evenly = [Return(number / 20, [100.0 + number / 20]) for number in range(100)]
    early = [Return(number**2 / 2000, [100.0 + number / 20]) for number in range(100)]
    crowd = [Return(number / 200, [100.0 + number / 1000]) for number in range(1000)]
    assert [bool(spread(each).failure) for each in (together, early, crowd, [], evenly)] == [True] * 4 + [False]


@in_a_cluster
async def test_disconnected_sockets_reconnect_spread_over_time(rig: Rig, site: Cluster) -> None:
    trials = await storm(rig, count=120, owner=0)
    assert [trial for trial in trials if trial.failure] == []
    # The sockets of the other server stayed connected.
    assert 20 < len([trial for trial in trials if trial.what == "a socket"]) < 100
