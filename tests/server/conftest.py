"""The users and the model server of the fault tests, for sites that are shut down."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.faults.invariants import check_log, check_whole_turns
from tests.faults.processes import Upstream
from tests.members import Member, prepare
from tests.server.ending import EndingSite
from tests.streams.redis_server import RedisServer, redis_server

SETTINGS: Final = {
    "CHAT_SENDS_PER_MINUTE": "100000",
    "CHAT_LIVE_RUNS_PER_USER": "100",
    "CHAT_HEARTBEAT_SECONDS": "0.5",
}

StartSite = Callable[..., EndingSite]


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    server = Upstream(tmp_path_factory.mktemp("upstream") / "log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Member]]:
    """A data directory with tables and users, to be copied."""
    data_dir = tmp_path_factory.mktemp("prepared")
    return data_dir, prepare(data_dir)


@pytest.fixture
def start_site(tmp_path: Path, prepared: tuple[Path, dict[str, Member]], upstream: Upstream) -> Iterator[StartSite]:
    """Starts sites that share a data directory, each on its own port. Logs and data are checked afterwards."""
    upstream.forget()
    data_dir = tmp_path / "data"
    shutil.copytree(prepared[0], data_dir)
    sites: list[EndingSite] = []
    with ExitStack() as stack:

        def start(command: tuple[str, ...] = ("manage.py", "serve"), **variables: str) -> EndingSite:
            settings = {"OPENAI_BASE_URL": upstream.base_url, **SETTINGS, **variables}
            site = EndingSite(data_dir, prepared[1], command=command, **settings)
            sites.append(site)
            stack.callback(site.stop)
            site.start()
            return site

        yield start
    for site in sites:
        check_log(site.log, expected=site.expected)
        check_whole_turns(site)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session
