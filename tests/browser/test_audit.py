"""What an auditor such as Lighthouse checks, on every page and screen size. bench/ measures speed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from django.template.loader import render_to_string
from playwright.async_api import Page, Request, Response, Route, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import MARKDOWN, scripted
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS

AUDIT: Final = (Path(__file__).parent / "audit.js").read_text()
SIZES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "smallest": {"viewport": {"width": 320, "height": 568}, "is_mobile": True, "has_touch": True},
}
PUBLIC: Final = (
    "login/",
    "signup/",
    "inactive/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/x-y/",
)
ERRORS: Final = ("400.html", "403.html", "403_csrf.html", "429.html", "500.html", "account/signup_closed.html")
OWN: Final = ("logout/", "password/change/", "reauthenticate/")

sizes = pytest.mark.parametrize("size", SIZES)


async def arrive(visitors: Visitors, size: str, **options: Any) -> Visitor:
    """A visitor whose requests must all succeed."""
    visitor = await visitors(**SIZES[size], reduced_motion="reduce", **options)
    visitor.watch.allow(*ACCOUNT_PATHS, r"/api/docs", r"/api/openapi\.json")
    await visitor.context.add_init_script(AUDIT)

    def failed(request: Request) -> None:
        # Leaving a page aborts its pending requests.
        if request.failure != "net::ERR_ABORTED":
            visitor.watch.problems.append(f"failed: {request.url} {request.failure}")

    def answered(response: Response) -> None:
        if response.status >= 400:
            visitor.watch.problems.append(f"status {response.status}: {response.url}")

    visitor.context.on("requestfailed", failed)
    visitor.context.on("response", answered)
    return visitor


async def audit(page: Page, *, is_public: bool = False, is_long: bool = False) -> None:
    await page.wait_for_load_state("load")
    found = await page.evaluate("(options) => window.audit(options)", {"isPublic": is_public, "isLong": is_long})
    assert not found, "\n".join([page.url, *found])


async def test_the_audit_finds_problems(visitors: Visitors) -> None:
    visitor = await visitors(anonymous=True, **SIZES["phone"])
    await visitor.context.add_init_script(AUDIT)
    page = await visitor.context.new_page()
    await page.goto("about:blank")
    await page.evaluate(
        """() => {
          document.body.append(...["a", "input", "button", "p", "img"].map((name) => document.createElement(name)));
          document.querySelector("button").append("x");
          document.querySelector("button").style = "padding: 0; height: 9px; border: 0";
          document.querySelector("p").append("very small and very wide");
          document.querySelector("p").style = "font-size: 8px; width: 3000px";
          addEventListener("unload", () => {});
          document.querySelector("p").addEventListener("wheel", () => {});
        }"""
    )
    with pytest.raises(AssertionError) as failure:
        await audit(page, is_public=True)
    for expected in (
        "no language",
        "no title",
        "no viewport",
        "no description",
        "0 headings",
        "a leads nowhere",
        "input has no label",
        "img has no size",
        "button is",
        "p is written in 8 px",
        "wide on a screen of",
        "listens to unload",
        "p listens to wheel",
    ):
        assert expected in str(failure.value)


@sizes
async def test_public_pages(visitors: Visitors, size: str) -> None:
    visitor = await arrive(visitors, size, anonymous=True)
    page = await visitor.page("/")
    for path in PUBLIC:
        await page.goto(f"/accounts/{path}")
        await audit(page, is_public=True)
    visitor.watch.expect("404")
    await page.goto("/accounts/none")
    await audit(page)


@sizes
async def test_error_pages(visitors: Visitors, size: str) -> None:
    page = await (await arrive(visitors, size, anonymous=True)).context.new_page()
    for name in ERRORS:
        body = render_to_string(name, {"theme": "system"})
        await page.route("**/accounts/login/", partial(answer, body))
        await page.goto("/accounts/login/")
        await expect(page.locator("h1")).to_be_visible()
        await audit(page)


async def answer(body: str, route: Route) -> None:
    await route.fulfill(content_type="text/html", body=body)


@sizes
async def test_account_pages(visitors: Visitors, size: str) -> None:
    page = await (await arrive(visitors, size)).page("/accounts/logout/")
    for path in OWN:
        await page.goto(f"/accounts/{path}")
        await audit(page)
    await page.goto("/api/docs")
    await audit(page, is_long=True)


@sizes
async def test_the_chat_with_and_without_a_conversation(visitors: Visitors, size: str) -> None:
    visitor = await arrive(visitors, size)
    tab = await visitor.open()
    await audit(tab.page)
    await tab.ask("/think count=3")
    await tab.ask(scripted(MARKDOWN, size=2000))
    # Messages loaded from the server get their final layout at once: code gets its colours, and nothing moves.
    await tab.reload()
    await expect(tab.answers).to_have_count(2)
    await expect(tab.body.locator("code.language-python span").first).to_be_attached()
    await audit(tab.page)
    await all_that_opens(tab, is_small=size != "desktop")


async def all_that_opens(tab: Tab, *, is_small: bool) -> None:
    page = tab.page
    if is_small:
        await page.locator("#open-sidebar").tap()
        await expect(page.locator("#sidebar .sidebar__panel")).to_be_in_viewport(ratio=1)
        await audit(page)
    await page.locator("#user-menu-button").click()
    await expect(page.locator("#user-menu")).to_be_visible()
    await audit(page)
    await page.keyboard.press("Escape")
    row = tab.rows.first
    await row.hover()
    await row.locator("[data-action=menu]").click()
    await expect(page.locator("#conversation-menu")).to_be_visible()
    await audit(page)
    await page.keyboard.press("Escape")
    await page.locator("#open-palette").click()
    await page.locator("#palette-field").fill("heron")
    await expect(page.locator("#palette mark").first).to_be_visible()
    await audit(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await tab.answer.locator("[data-action=details]").click()
    await expect(page.locator("#answer-details")).to_be_visible()
    await audit(page)
