"""The site behind nginx, as deployed: static files with a hash in their names, one proxy in front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.deploy.nginx import Nginx, nginx
from tests.faults.processes import Site, Upstream
from tests.members import Member, prepare
from tests.server.process import ended

HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("nginx")


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    server = Upstream(tmp_path_factory.mktemp("upstream") / "log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a site behind nginx."""
    settings = {
        "CHAT_STATIC_DIR": str(tmp_path_factory.mktemp("static")),
        "CHAT_STATIC_HASHED": "1",
        "CHAT_TRUSTED_PROXIES": "1",
        "CHAT_SENDS_PER_MINUTE": "100000",
        "CHAT_LIVE_RUNS_PER_USER": "100",
    }
    collected = ended("manage.py", "collectstatic", "--no-input", "--verbosity", "0", **settings)
    assert collected.returncode == 0, collected.stdout
    return settings


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, deployed: dict[str, str], upstream: Upstream) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("data")
    site = Site(data_dir, prepare(data_dir), OPENAI_BASE_URL=upstream.base_url, **deployed)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def proxy(site: Site) -> Iterator[Nginx]:
    with nginx(site.host) as server:
        yield server


@pytest.fixture(scope="session")
def alice(site: Site) -> Member:
    return site.cast["alice"]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=60)
    # Responses stay as they are: nothing is decompressed, and no cookie is kept.
    async with aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        yield http
