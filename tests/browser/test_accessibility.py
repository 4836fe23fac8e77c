"""axe-core finds nothing serious in any state of any page, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import MARKDOWN, scripted
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS, NOT_SAVED_YET
from tests.server.process import ROOT

AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Nothing is half-way through a transition, and axe may be loaded at all.
STILL: Final[dict[str, Any]] = {"reduced_motion": "reduce", "bypass_csp": True}
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN: Final = """async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target, failureSummary: summary }) =>
    ({ impact, text: `${id}: ${target.join(" ")}\\n  ${summary}` })));
}"""

themes = pytest.mark.parametrize("theme", ["light", "dark"])


@pytest.fixture(scope="session")
def axe() -> str:
    assert AXE.exists(), "axe-core is not installed: bin/test does it, or npm ci"
    return Path(AXE).read_text()


async def arrive(visitors: Visitors, axe: str, theme: str, **options: Any) -> Visitor:
    visitor = await visitors(color_scheme=theme, **STILL, **options)
    await visitor.context.add_init_script(axe)
    visitor.watch.allow(*ACCOUNT_PATHS)
    return visitor


async def check(page: Page) -> None:
    # What can be seen may not have its styles yet.
    await page.wait_for_load_state("load")
    found = await page.evaluate(RUN, RULES)
    serious = [each["text"] for each in found if each["impact"] in {"serious", "critical"}]
    assert not serious, "\n".join(serious)


async def test_the_check_sees_what_is_wrong(visitors: Visitors, axe: str) -> None:
    visitor = await arrive(visitors, axe, "light")
    tab = await visitor.open()
    await tab.page.evaluate("document.querySelector('#send').removeAttribute('aria-label')")
    with pytest.raises(AssertionError, match="button-name"):
        await check(tab.page)


@themes
async def test_an_empty_chat(visitors: Visitors, axe: str, theme: str) -> None:
    tab = await (await arrive(visitors, axe, theme)).open()
    await check(tab.page)
    await tab.page.locator("#user-menu-button").click()
    await expect(tab.page.locator("#user-menu")).to_be_visible()
    await check(tab.page)


@themes
async def test_a_conversation_with_all_that_it_can_hold(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.ask("/think count=3")
    await tab.answer.locator("summary").click()
    await tab.ask(scripted(MARKDOWN, size=500))
    await tab.send("/eof after=3")
    await expect(tab.failure).to_be_visible()
    await check(tab.page)

    await tab.press_row(await tab.conversation_id(), "rename")
    await check(tab.page)
    await tab.page.keyboard.press("Escape")
    await tab.send("/numbered rate=40 count=2000")
    await tab.answering()
    await tab.box.fill("a" * 30_000)
    await check(tab.page)
    await tab.stop_button.click()
    await tab.ended("stopped")
    await tab.press_row(await tab.conversation_id(), "delete")
    await expect(tab.toast).to_be_visible()
    await check(tab.page)


@themes
async def test_the_pages_of_accounts(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme, anonymous=True)
    visitor.watch.expect(r"console: .* 404 .*/accounts/none")
    page = await visitor.page("/accounts/login/")
    await check(page)
    await page.locator("input[name=login]").fill("nobody")
    await page.locator("input[name=password]").fill("nothing at all")
    await page.locator(".form button[type=submit]").click()
    await expect(page.locator(".errorlist")).to_be_visible()
    await check(page)
    for path in ("/accounts/signup/", "/accounts/password/reset/", "/accounts/none"):
        await page.goto(path)
        await check(page)


@themes
async def test_a_phone_with_the_drawer_open_and_closed(visitors: Visitors, axe: str, theme: str) -> None:
    tab = await (await arrive(visitors, axe, theme, **PHONE)).open()
    await tab.ask("Hello")
    await check(tab.page)
    await tab.page.locator("#open-sidebar").tap()
    await expect(tab.page.locator("#sidebar .sidebar__panel")).to_be_in_viewport(ratio=1)
    await check(tab.page)


@themes
async def test_the_reference_of_the_api(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    visitor.watch.allow(r"/api/docs", r"/api/openapi\.json")
    await check(await visitor.page("/api/docs"))
