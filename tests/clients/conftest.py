"""A running site for third-party clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import Site, Upstream
from tests.members import Member, prepare

pytest.register_assert_rewrite("tests.clients.reading")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    server = Upstream(tmp_path_factory.mktemp("upstream") / "log")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Site]:
    """With the default heartbeat: clients must tolerate the silence between two heartbeats."""
    data_dir: Path = tmp_path_factory.mktemp("site")
    cast = prepare(data_dir)
    served = Site(
        data_dir,
        cast,
        OPENAI_BASE_URL=upstream.base_url,
        CHAT_TITLES="0",
        CHAT_SENDS_PER_MINUTE="1000",
        CHAT_LIVE_RUNS_PER_USER="50",
    )
    try:
        served.start()
        yield served
    finally:
        served.stop()


@pytest.fixture(scope="module")
def alice(site: Site) -> Member:
    return site.cast["alice"]
