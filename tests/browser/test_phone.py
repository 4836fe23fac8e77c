"""The page on a phone: a drawer for the list, a message box in reach, and no sideways scrolling."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.samples import MARKDOWN, scripted
from tests.browser.scripted_events import play
from tests.browser.tab import Tab
from tests.browser.watch import ACCOUNT_PATHS

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SMALL: dict[str, Any] = {"viewport": {"width": 320, "height": 568}, "is_mobile": True, "has_touch": True}
WIDE = "word" * 60
BEYOND = """() => [...document.querySelectorAll("#messages .message, .message__parts, .message__parts *")]
  .filter((element) => element.checkVisibility())
  .map((element) => [element.className, element.getBoundingClientRect()])
  .filter(([, { left, right }]) => left < 0 || right > innerWidth)
  .map(([name, { left, right }]) => `${name}: ${left} – ${right}`)"""
SIDEWAYS = """() => [...document.querySelectorAll("html, body, #transcript-scroller")]
  .filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.localName)"""


async def in_view(tab: Tab) -> None:
    await expect(tab.box).to_be_in_viewport(ratio=0.99)
    assert await tab.page.evaluate(SIDEWAYS) == []
    assert await tab.page.evaluate("innerWidth") == (tab.page.viewport_size or {}).get("width")


async def test_the_drawer_opens_and_closes(visitors: Visitors) -> None:
    tab = await (await visitors(**PHONE)).open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    drawer, button = tab.page.locator("#sidebar .sidebar__panel"), tab.page.locator("#open-sidebar")
    await expect(drawer).not_to_be_in_viewport()

    await button.tap()
    await expect(drawer).to_be_in_viewport(ratio=1)
    await expect(button).to_have_attribute("aria-expanded", "true")
    await expect(tab.page.locator("[data-action=close-sidebar]").first).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await expect(drawer).not_to_be_in_viewport()
    await button.tap()
    await expect(drawer).to_be_in_viewport(ratio=1)
    await tab.page.touchscreen.tap(380, 400)
    await expect(drawer).not_to_be_in_viewport()
    await button.tap()
    await expect(drawer).to_be_in_viewport(ratio=1)
    await tab.page.locator("#new-chat").tap()
    await expect(drawer).not_to_be_in_viewport()
    await expect(tab.page.locator("#welcome")).to_be_visible()
    await button.tap()
    await tab.row(conversation_id).locator("[data-action=open]").tap()
    await expect(drawer).not_to_be_in_viewport()
    await expect(tab.questions).to_have_text(["Hello"])


@pytest.mark.parametrize("size", [PHONE, SMALL], ids=["phone", "small"])
async def test_nothing_scrolls_sideways(visitors: Visitors, size: dict[str, Any]) -> None:
    visitor = await visitors(**size)
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab = await visitor.open()
    await in_view(tab)
    table = f"| a | b |\n|---|---|\n| {WIDE} | {WIDE} |"
    text = f"{MARKDOWN}\n\n{WIDE}\n\n`{WIDE}`\n\n```\n{WIDE}\n```\n\n{table}\n\n# {WIDE}"
    await tab.box.fill(WIDE)
    await in_view(tab)
    await tab.send_button.tap()
    await tab.ended()
    await in_view(tab)
    await tab.box.fill(scripted(text, size=200))
    await tab.send_button.tap()
    await expect(tab.answers).to_have_count(2)
    await tab.ended()
    await in_view(tab)
    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/change/"):
        await tab.page.goto(path)
        await expect(tab.page.locator("main")).to_be_visible()
        assert await tab.page.evaluate(SIDEWAYS) == [], path


@pytest.mark.parametrize("size", [PHONE, SMALL], ids=["phone", "small"])
async def test_tools_and_team_members_fit_the_screen(visitors: Visitors, size: dict[str, Any]) -> None:
    tab = await (await visitors(**size)).open()
    await tab.ask("Hello")
    call = {"call_id": "1", "tool": WIDE, "arguments": {"query": WIDE}}
    await play(
        tab,
        ("tool_start", call),
        ("tool_progress", call | {"item": {"title": WIDE, "snippet": WIDE}}),
        ("tool_result", call | {"result": WIDE, "duration_ms": 420}),
        ("agent_start", {"agent": "a", "name": WIDE}),
        ("status", {"text": WIDE, "state": "reading", "agent": "a"}),
        ("tool_start", call | {"call_id": "2", "agent": "a"}),
        ("agent_start", {"agent": "b", "name": "Writer"}),
        ("reasoning", {"text": WIDE, "agent": "b"}),
    )
    for summary in await tab.answer.locator("summary").all():
        await summary.tap()
    await expect(tab.answer.locator(".tool__items").first).to_be_visible()
    assert await tab.page.evaluate(BEYOND) == []


async def test_enter_breaks_the_line_on_a_touch_keyboard(visitors: Visitors) -> None:
    tab = await (await visitors(**PHONE)).open()
    await tab.box.tap()
    await tab.page.keyboard.type("one")
    await tab.page.keyboard.press("Enter")
    await tab.page.keyboard.type("two")
    await expect(tab.box).to_have_value("one\ntwo")
    await tab.send_button.tap()
    await tab.ended()
    assert await tab.questions.inner_text() == "one\ntwo"


async def test_buttons_are_large_enough_for_a_finger(visitors: Visitors) -> None:
    tab = await (await visitors(**PHONE)).open()
    await tab.ask("Hello")
    await tab.page.locator("#open-sidebar").tap()
    await expect(tab.page.locator("#sidebar .sidebar__panel")).to_be_in_viewport(ratio=1)
    small = await tab.page.evaluate(
        """() => [...document.querySelectorAll("button, .sidebar__act, .conversation__link")]
          .filter((button) => button.checkVisibility() && !button.closest(".markdown"))
          .map((button) => [button.id || button.className, button.getBoundingClientRect()])
          .filter(([, { width, height }]) => Math.min(width, height) < 36)
          .map(([name, { width, height }]) => `${name}: ${width} × ${height}`)"""
    )
    assert small == []
