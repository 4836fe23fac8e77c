"""axe-core finds nothing in any state of any page, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from django.template.loader import render_to_string
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import ENDLESS, MARKDOWN, scripted
from tests.browser.scripted_events import CALL, end, play
from tests.browser.signing_out import sign_in_dialog
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS, NO_NETWORK, NOT_SAVED_YET
from tests.cast import PASSWORD
from tests.server.process import ROOT

AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# No transitions that are half done, and no policy that blocks axe.
STILL: Final[dict[str, Any]] = {"reduced_motion": "reduce", "bypass_csp": True}
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN: Final = """async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target, failureSummary: summary }) =>
    `${impact}: ${id}: ${target.join(" ")}\\n  ${summary}`));
}"""

themes = pytest.mark.parametrize("theme", ["light", "dark"])


@pytest.fixture(scope="session")
def axe() -> str:
    assert AXE.exists(), "axe-core is not installed: run bin/test or npm ci"
    return Path(AXE).read_text()


async def arrive(visitors: Visitors, axe: str, theme: str, **options: Any) -> Visitor:
    visitor = await visitors(color_scheme=theme, **STILL, **options)
    await visitor.context.add_init_script(axe)
    visitor.watch.allow(*ACCOUNT_PATHS)
    return visitor


async def check(page: Page) -> None:
    # Visible elements may not have their styles yet.
    await page.wait_for_load_state("load")
    found = await page.evaluate(RUN, RULES)
    assert not found, "\n".join(found)


async def test_the_check_finds_violations(visitors: Visitors, axe: str) -> None:
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
async def test_a_conversation_with_every_kind_of_content(visitors: Visitors, axe: str, theme: str) -> None:
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
    await tab.send(ENDLESS)
    await tab.answering()
    await tab.box.fill("a" * 30_000)
    await check(tab.page)
    await tab.stop_button.click()
    await tab.ended("stopped")
    await tab.press_row(await tab.conversation_id(), "delete")
    await expect(tab.toast).to_be_visible()
    await check(tab.page)


@themes
async def test_overlays_and_dialogs(visitors: Visitors, axe: str, theme: str) -> None:
    tab = await (await arrive(visitors, axe, theme)).open()
    await tab.ask("A heron at dusk")
    page, keys = tab.page, tab.page.keyboard
    await keys.press("Control+k")
    palette = page.locator("#palette")
    await expect(palette.get_by_role("option").first).to_be_visible()
    await check(page)
    await keys.type("heron")
    await expect(palette.locator("mark").first).to_be_visible()
    await check(page)
    await keys.press("Escape")
    await expect(palette).to_be_hidden()

    row = tab.row(await tab.conversation_id())
    await row.hover()
    await row.locator("[data-action=menu]").click()
    await expect(page.locator("#conversation-menu")).to_be_visible()
    await check(page)
    await keys.press("Escape")
    await page.evaluate("document.activeElement.blur()")
    await keys.press("?")
    await expect(page.locator("#shortcuts")).to_be_visible()
    await check(page)
    await keys.press("Escape")

    await page.locator("#new-chat").click()
    await page.locator("#assistant-picker button").click()
    await expect(page.get_by_role("option").first).to_be_visible()
    await check(page)
    await keys.press("Escape")
    await tab.press_row(await archived(tab), "archive")
    await page.locator("#user-menu-button").click()
    await page.locator("[data-action=open-archive]").click()
    await expect(page.locator("[data-action=close-archive]")).to_be_visible()
    await expect(tab.rows).to_have_count(1)
    await check(page)


@themes
async def test_a_turn_and_its_actions(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    tab = await visitor.open()
    await tab.ask("Hello")
    question = tab.page.locator('.message[data-role="user"]').last
    await question.hover()
    await question.locator("[data-action=edit]").click()
    await expect(tab.page.locator(".editor textarea")).to_be_focused()
    await check(tab.page)
    await tab.page.locator(".editor textarea").fill("Hello again")
    await tab.page.keyboard.press("Control+Enter")
    await expect(tab.questions).to_have_text(["Hello again"])
    await tab.ended()
    await expect(question.locator(".versions")).to_contain_text("2")
    await tab.answer.locator("[data-action=details]").click()
    await expect(tab.page.locator("#answer-details")).to_be_visible()
    await check(tab.page)


@themes
async def test_tools_and_the_members_of_a_team(visitors: Visitors, axe: str, theme: str) -> None:
    tab = await (await arrive(visitors, axe, theme)).open()
    await tab.ask("Hello")
    item = {"index": 1, "title": "The grey heron", "snippet": "It waits.", "url": "https://example.org/"}
    await play(
        tab,
        ("status", {"text": "Searching…", "state": "searching"}),
        ("tool_start", CALL),
        ("tool_progress", CALL | {"item": item}),
        ("tool_start", CALL | {"call_id": "c2"}),
        ("tool_result", CALL | {"call_id": "c2", "result": "One page.", "duration_ms": 420}),
        ("tool_start", CALL | {"call_id": "c3"}),
        ("tool_error", CALL | {"call_id": "c3", "message": "No index", "duration_ms": 10}),
        ("agent_start", {"agent": "a", "name": "Researcher"}),
        ("agent_start", {"agent": "b", "name": "Writer"}),
        ("agent_start", {"agent": "c", "name": "Critic"}),
        ("tool_start", CALL | {"call_id": "c4", "agent": "a"}),
        ("reasoning", {"text": "Which first?", "agent": "b"}),
        ("agent_done", {"agent": "c", "status": "failed"}),
    )
    await check(tab.page)
    for summary in await tab.answer.locator("summary").all():
        await summary.click()
    await expect(tab.answer.locator(".tool__text").first).to_be_visible()
    await check(tab.page)
    await play(tab, ("agent_done", {"agent": "a", "status": "completed"}), ("token", {"text": "Done.", "agent": "b"}))
    await end(tab)
    await expect(tab.answer.locator(".tool[data-state=running]")).to_have_count(0)
    await check(tab.page)


@themes
async def test_signing_in_again_in_place(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    visitor.watch.expect(r"console: .* 400 .*/accounts/login/")
    tab = await visitor.open()
    dialog = await sign_in_dialog(visitor, tab)
    await check(tab.page)
    await tab.page.route("**/accounts/login/", lambda route: route.fulfill(status=400, json={}))
    await dialog.locator("input[name=password]").fill("something else")
    await dialog.locator("input[name=password]").press("Enter")
    await expect(dialog.locator("[role=alert]")).to_contain_text("did not work")
    await check(tab.page)


@themes
async def test_images_before_and_after_loading(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    visitor.watch.allow("/image")
    visitor.watch.expect(r"request to elsewhere: https://pictures\.example/")
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>'
    await visitor.context.route(
        "https://pictures.example/**", lambda route: route.fulfill(content_type="image/svg+xml", body=drawing)
    )
    tab = await visitor.open()
    heron = "![a heron](https://pictures.example/heron.png)"
    await tab.ask(scripted(f"{heron} ![](http://example.org/x) [{heron}](https://example.org/)", size=500))
    await expect(tab.body.locator(".image-placeholder")).to_have_count(3)
    await check(tab.page)
    await tab.body.locator("[data-action=load-image]").click()
    await expect(tab.body.frame_locator("iframe").locator("img")).to_have_js_property("naturalWidth", 40)
    await check(tab.page)


@themes
async def test_a_lost_connection(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    visitor.watch.expect(*NO_NETWORK)
    tab = await visitor.open()
    await tab.ask("Hello")
    await visitor.context.set_offline(True)
    await expect(tab.notice).to_be_visible()
    await tab.send("Are you there?")
    await expect(tab.questions).to_have_count(2)
    await check(tab.page)
    await visitor.context.set_offline(False)
    await expect(tab.answers).to_have_count(2)
    await tab.ended()


async def archived(tab: Tab) -> str:
    return str(await tab.rows.first.get_attribute("data-conversation-id"))


@themes
async def test_sign_in_and_sign_up_pages(visitors: Visitors, axe: str, theme: str) -> None:
    page = await (await arrive(visitors, axe, theme, anonymous=True)).page("/accounts/login/")
    await check(page)
    await page.locator("input[name=login]").fill("nobody")
    await page.locator("input[name=password]").fill("nothing at all")
    await page.locator(".form button[type=submit]").click()
    await expect(page.locator(".errorlist")).to_be_visible()
    await check(page)
    for path in ("signup/", "inactive/", "password/reset/", "password/reset/done/", "password/reset/key/x-y/"):
        await page.goto(f"/accounts/{path}")
        await expect(page.locator("h1")).to_be_visible()
        await check(page)


@themes
async def test_the_account_page(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme)
    for path in ("", "logout/", "password/change/", "reauthenticate/", "delete/"):
        page = await visitor.page(f"/accounts/{path}")
        await expect(page.locator(".form").first).to_be_visible()
        await check(page)
    await check(await visitor.page("/accounts/address/confirm/"))
    page = await visitor.page("/accounts/")
    form = page.locator("form", has=page.get_by_role("button", name="Create token"))
    await form.get_by_label("What is it for?").fill("backup")
    for password, shown in (("wrong", ".errorlist"), (PASSWORD, ".account__code")):
        await form.get_by_label("Your password").fill(password)
        await form.get_by_role("button").click()
        await expect(page.locator(shown)).to_be_visible()
        await check(page)


@themes
async def test_the_pages_of_errors(visitors: Visitors, axe: str, theme: str) -> None:
    visitor = await arrive(visitors, axe, theme, anonymous=True)
    visitor.watch.expect(r"console: .* 404 .*/accounts/none")
    page = await visitor.page("/accounts/none")
    await check(page)
    for name in ("400", "403", "403_csrf", "404", "429", "500", "503", "account/signup_closed"):
        await page.set_content(render_to_string(f"{name}.html", {"theme": theme}))
        await expect(page.locator("h1")).to_be_visible()
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
