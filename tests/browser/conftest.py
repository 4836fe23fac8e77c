"""One site, one model's server and one Chromium per worker; a browser context per person, and new people per test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser import chromium as chromiums
from tests.browser.payloads import FIELDS, corpus
from tests.browser.visitor import Visitor
from tests.faults.invariants import check_log
from tests.faults.processes import Site, Upstream
from tests.members import GUESTS, Member, prepare

# A loaded machine takes long to load a page; what goes wrong for good is not found sooner by asking less.
PATIENCE_MS: Final = 60_000
SETTINGS: Final = {
    # No model is named: all that the server lists can be chosen, and the first answers.
    "OPENAI_MODEL": "",
    "CHAT_SENDS_PER_MINUTE": "100000",
    "CHAT_LIVE_RUNS_PER_USER": "10",
    # Short enough to be typed in a test, long enough for an answer in base64.
    "CHAT_MESSAGE_CHARACTERS": "20000",
    "CHAT_HEARTBEAT_SECONDS": "2",
    # What a script holds back is held until the test lets it go on.
    "CHAT_FIRST_TOKEN_TIMEOUT": "600",
    "CHAT_IDLE_TIMEOUT": "600",
}
HOSTILE: Final = ("<img src=x onerror=__x=1>", '"><svg/onload=__x=1>', "</script><script>__x=1</script>")
HERE: Final = Path(__file__).parent

Visitors = Callable[..., Awaitable[Visitor]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            # Chromium is talked to from one loop, which lives as long as it does.
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    server = Upstream(tmp_path_factory.mktemp("upstream") / "log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("site")
    cast = prepare(data_dir, *GUESTS, *HOSTILE)
    made = Site(data_dir, cast, OPENAI_BASE_URL=upstream.base_url, CHAT_CONSOLE_MAIL="1", **SETTINGS)
    try:
        made.start()
        yield made
    finally:
        made.stop()
    check_log(made.log, expected=made.expected)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with chromiums.chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def payloads(chromium: Browser) -> list[str]:
    """All that the hostile may write, in markdown and outside of it."""
    return [*await corpus(chromium), *FIELDS]


@pytest.fixture(scope="session")
def guests(site: Site) -> Iterator[Member]:
    """People whom no test has met yet."""
    return (site.cast[name] for name in GUESTS)


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(
    site: Site, upstream: Upstream, chromium: Browser, guests: Iterator[Member]
) -> AsyncIterator[Visitors]:
    """`await visitors(person, **options of the browser context)`; without a person it is a new one, signed in."""
    # It counts how often it was asked the same: another test may have asked that.
    upstream.forget()
    arrived: list[Visitor] = []

    async def arrive(
        person: Member | None = None, *, url: str = site.url, anonymous: bool = False, **options: Any
    ) -> Visitor:
        somebody = None if anonymous else person or next(guests)
        visitor = await Visitor.arrive(chromium, somebody, url, **options)
        visitor.context.set_default_timeout(PATIENCE_MS)
        arrived.append(visitor)
        return visitor

    yield arrive
    problems = []
    for visitor in arrived:
        try:
            await visitor.leave()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(visitors: Visitors) -> Visitor:
    return await visitors()


@pytest.fixture
def admin(site: Site) -> Member:
    return site.cast["admin"]
