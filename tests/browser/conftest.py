"""One site, one model server and one Chromium per worker; one browser context per user, and new users per test."""

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

# A busy machine loads pages slowly, and a shorter limit would not find more failures.
PATIENCE_MS: Final = 60_000
SETTINGS: Final = {
    # No model is set: users can choose any that the server lists, and the first is the default.
    "OPENAI_MODEL": "",
    "CHAT_SENDS_PER_MINUTE": "100000",
    "CHAT_LIVE_RUNS_PER_USER": "10",
    # Short enough to be typed in a test, long enough for an answer in base64.
    "CHAT_MESSAGE_CHARACTERS": "20000",
    "CHAT_HEARTBEAT_SECONDS": "2",
    # A held answer must not time out before the test releases it.
    "CHAT_FIRST_TOKEN_TIMEOUT": "600",
    "CHAT_IDLE_TIMEOUT": "600",
    "CHAT_TOOLS": "tests.browser.asking_tools",
}
HOSTILE: Final = ("<img src=x onerror=__x=1>", '"><svg/onload=__x=1>', "</script><script>__x=1</script>")
HERE: Final = Path(__file__).parent

Visitors = Callable[..., Awaitable[Visitor]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            # Chromium is controlled from one event loop, which lives as long as the browser.
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
    """Everything an attacker may write, in Markdown and elsewhere."""
    return [*await corpus(chromium), *FIELDS]


@pytest.fixture(scope="session")
def guests(site: Site) -> Iterator[Member]:
    """Users that no test has used yet."""
    return (site.cast[name] for name in GUESTS)


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(
    site: Site, upstream: Upstream, chromium: Browser, guests: Iterator[Member]
) -> AsyncIterator[Visitors]:
    """`await visitors(person, **browser context options)`: by default a new user, signed in."""
    # The server counts repeated questions, and another test may have asked the same one.
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
