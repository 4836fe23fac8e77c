"""A site without a model: a demo answers, and the page says so from its first paint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.tab import Tab
from tests.browser.test_audit import AUDIT, audit
from tests.faults.processes import Site
from tests.members import prepare

PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
AS_SENT: Final = """async () => {
  const page = await (await fetch(location.href)).text();
  return /<div [^>]*id="demo-notice"[^>]*>/.exec(page)[0].includes(" hidden");
}"""


@pytest.fixture
def demo_site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, prepare(tmp_path), OPENAI_API_KEY="", OPENAI_MODEL="")
    try:
        site.start()
        yield site
    finally:
        site.stop()


async def is_sent_hidden(page: Page) -> bool:
    return bool(await page.evaluate(AS_SENT))


async def test_the_demo_notice_is_shown_until_it_is_dismissed(demo_site: Site, visitors: Visitors) -> None:
    visitor = await visitors(demo_site.cast["alice"], url=demo_site.url, **PHONE)
    await visitor.context.add_init_script(AUDIT)
    tab = await visitor.open()
    notice = tab.page.locator("#demo-notice")
    await expect(notice).to_be_visible()
    await expect(notice).to_contain_text("This is a demo model.")
    assert not await is_sent_hidden(tab.page)
    # Nothing moved to make room for it.
    await audit(tab.page)
    assert await tab.ask("Hello")

    await notice.locator("[data-action=dismiss-demo]").tap()
    await expect(notice).to_be_hidden()
    for other in (tab, Tab(await visitor.context.new_page())):
        await other.go("/")
        await expect(other.page.locator("#demo-notice")).to_be_hidden()
        assert await is_sent_hidden(other.page)
        await audit(other.page)


async def test_a_site_with_a_model_shows_no_demo_notice(visitors: Visitors) -> None:
    tab = await (await visitors()).open()
    await expect(tab.page.locator("#demo-notice")).to_be_hidden()
    assert await is_sent_hidden(tab.page)


async def test_the_time_is_that_of_the_person(demo_site: Site, visitors: Visitors) -> None:
    visitor = await visitors(demo_site.cast["alice"], url=demo_site.url, timezone_id="Asia/Tokyo")
    tab = await visitor.open()
    await tab.send("tools")
    await tab.page.get_by_role("button", name="Allow once").click()
    await tab.ended()
    await expect(tab.answer).to_contain_text("(UTC+0900), Asia/Tokyo")
