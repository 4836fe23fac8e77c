"""One model server and one site per pytest worker. Tests that kill or starve a site start their own."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.faults.client import Browser
from tests.faults.cluster import Cluster
from tests.faults.invariants import check_log, check_whole_turns, upstream_closed
from tests.faults.processes import Site, Upstream, UvicornSite
from tests.faults.rows.rig import Rig
from tests.faults.settings import SETTINGS
from tests.members import Member, prepare

SEED: Final = 5

StartSite = Callable[..., Site]


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


@pytest.fixture(scope="session")
def shared_site(
    tmp_path_factory: pytest.TempPathFactory, prepared: tuple[Path, dict[str, Member]], upstream: Upstream
) -> Iterator[Callable[[str], Site]]:
    """Returns the site of a configuration and starts it on first use."""
    sites: dict[str, Site] = {}
    with ExitStack() as stack:

        def start(configuration: str) -> Site:
            if configuration not in sites:
                data_dir = tmp_path_factory.mktemp("site") / "data"
                site = make_site(configuration, data_dir, prepared, OPENAI_BASE_URL=upstream.base_url, **SETTINGS)
                stack.callback(site.stop)
                site.start()
                sites[configuration] = site
            return sites[configuration]

        yield start
    for site in sites.values():
        check_log(site.log, expected=site.expected)


def make_site(configuration: str, data_dir: Path, prepared: tuple[Path, dict[str, Member]], **variables: str) -> Site:
    if configuration == "cluster":
        return Cluster(**variables)
    shutil.copytree(prepared[0], data_dir)
    return {"embedded": Site, "uvicorn": UvicornSite}[configuration](data_dir, prepared[1], **variables)


@pytest.fixture
async def site(
    request: pytest.FixtureRequest, shared_site: Callable[[str], Site], upstream: Upstream
) -> AsyncIterator[Site]:
    """The shared site. A test must not leave anything behind that disturbs the next one.

    It is the embedded one, unless a test is parametrized with others.
    """
    upstream.forget()
    shared = shared_site(getattr(request, "param", "embedded"))
    assert shared.is_alive, shared.log
    yield shared
    await upstream_closed(upstream)
    assert shared.is_alive, shared.log
    check_log(shared.log, expected=shared.expected)
    check_whole_turns(shared)


@pytest.fixture
def start_site(tmp_path: Path, prepared: tuple[Path, dict[str, Member]], upstream: Upstream) -> Iterator[StartSite]:
    """Starts a site for this test alone, with its own settings. It is stopped and checked after the test."""
    sites: list[Site] = []
    with ExitStack() as stack:

        def start(configuration: str = "embedded", **variables: str) -> Site:
            data_dir = tmp_path / f"site{len(sites)}"
            settings = {"OPENAI_BASE_URL": upstream.base_url, **SETTINGS, **variables}
            site = make_site(configuration, data_dir, prepared, **settings)
            sites.append(site)
            stack.callback(site.stop)
            site.start()
            return site

        yield start
    for site in sites:
        check_log(site.log, expected=site.expected)
        check_whole_turns(site)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
async def rig(site: Cluster, upstream: Upstream, http: aiohttp.ClientSession) -> AsyncIterator[Rig]:
    """For cluster tests that run one round of a row."""
    yield Rig(site, upstream, http, random.Random(SEED))
    await asyncio.to_thread(site.until_ready)


@pytest.fixture
def alice(site: Site) -> Member:
    return site.cast["alice"]


@pytest.fixture
def charlie(site: Site) -> Member:
    return site.cast["charlie"]


@pytest.fixture
def browser(site: Site, alice: Member, http: aiohttp.ClientSession) -> Browser:
    return Browser(site, alice, http)
