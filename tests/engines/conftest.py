"""One site and one model server for all tests, each engine once, and a separate user for every journey."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.engines.firefox import firefox
from tests.engines.reader import Reader
from tests.engines.webkit import webkit
from tests.engines.window import Engine
from tests.faults.invariants import check_log
from tests.faults.processes import Site, Upstream
from tests.members import GUESTS, Member, prepare

SETTINGS: Final = {
    "CHAT_SENDS_PER_MINUTE": "100000",
    "CHAT_HEARTBEAT_SECONDS": "2",
    # A held answer must not time out before the test releases it.
    "CHAT_FIRST_TOKEN_TIMEOUT": "600",
    "CHAT_IDLE_TIMEOUT": "600",
}
ENGINES: Final[dict[str, Callable[[], AbstractAsyncContextManager[Engine]]]] = {"firefox": firefox, "webkit": webkit}
HERE: Final = Path(__file__).parent

Arrive = Callable[..., Awaitable[Reader]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("engines")
            # A browser is controlled from one event loop, which lives as long as the browser.
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    server = Upstream(tmp_path_factory.mktemp("upstream") / "log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("site")
    made = Site(data_dir, prepare(data_dir, *GUESTS), OPENAI_BASE_URL=upstream.base_url, **SETTINGS)
    try:
        made.start()
        yield made
    finally:
        made.stop()
    check_log(made.log)


@pytest.fixture(scope="session")
def guests(site: Site) -> Iterator[Member]:
    """Users that no journey has used yet."""
    return (site.cast[name] for name in GUESTS)


@pytest.fixture
def guest(guests: Iterator[Member]) -> Member:
    """One of them, not signed in yet."""
    return next(guests)


@pytest_asyncio.fixture(
    scope="session",
    loop_scope="session",
    params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ENGINES],
)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    async with ENGINES[request.param]() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(engine: Engine, site: Site, guests: Iterator[Member]) -> AsyncIterator[Arrive]:
    """`await arrive(path)`: a new user, signed in, in their own window."""
    async with engine.window() as window:

        async def arrive(path: str = "/", *, url: str = site.url, person: Member | None = None) -> Reader:
            here.url, here.person = url, person or here.person
            await here.sign_in()
            await here.open(path)
            return here

        here = Reader(window, site.url, next(guests))
        yield arrive
    assert not here.problems, "\n".join(here.problems)


@pytest_asyncio.fixture(loop_scope="session")
async def reader(arrive: Arrive) -> Reader:
    return await arrive()
