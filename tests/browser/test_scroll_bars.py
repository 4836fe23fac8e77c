"""Where scroll bars take up space, as on most desktops: the messages have one, and the page has none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import chromium as chromiums
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS
from tests.faults.processes import Site
from tests.members import Member

BARS = """() => {
  const room = ({ offsetWidth, clientWidth }) => offsetWidth - clientWidth;
  const { clientWidth, clientHeight, scrollHeight } = document.documentElement;
  const scroller = document.querySelector("#transcript-scroller");
  return [innerWidth - clientWidth, scrollHeight - clientHeight, scroller ? room(scroller) : 0];
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def with_bars() -> AsyncIterator[Browser]:
    async with chromiums.chromium(ignore_default_args=["--hide-scrollbars"]) as browser:
        yield browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_only_the_messages_have_a_scroll_bar(
    with_bars: Browser, site: Site, guests: Iterator[Member], width: int
) -> None:
    visitor = await Visitor.arrive(with_bars, next(guests), site.url, viewport={"width": width, "height": 800})
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab = await visitor.open()
    assert (await tab.page.evaluate(BARS))[:2] == [0, 0]
    await tab.ask("/numbered count=600")
    wider, higher, bar = await tab.page.evaluate(BARS)
    assert (wider, higher) == (0, 0)
    # Otherwise the browser hides scroll bars, and the test shows nothing.
    assert bar > 0
    await visitor.leave()
