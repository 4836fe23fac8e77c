"""Switching the tools of a conversation off, from the message box."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Route, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import ENDLESS
from tests.browser.tab import Tab
from tests.browser.test_accessibility import arrive as arrive_to_check
from tests.browser.test_accessibility import axe, check
from tests.browser.test_phone import PHONE, SIDEWAYS
from tests.browser.visitor import Visitor
from tests.browser.watch import NOT_SAVED_YET
from tests.faults.processes import Site, Upstream

__all__ = ["axe"]

HAS: Final = "fake-small"
HAS_NONE: Final = "fake-large"
ALLOW: Final = "UPDATE chat_assistant SET tools = ? WHERE slug = ?"
PATIENCE_SECONDS: Final = 60
TALL: Final = "document.querySelector('#composer').getBoundingClientRect().height"


@pytest.fixture(autouse=True)
def _tools(site: Site) -> Iterator[None]:
    """An administrator has switched some on for one of the assistants."""
    site.rows(ALLOW, json.dumps({"builtin:calculator": "allow"}), HAS)
    yield
    site.rows(ALLOW, "{}", HAS)


def switch(tab: Tab) -> Locator:
    return tab.page.get_by_role("button", name="Tools", exact=True)


async def is_on(tab: Tab, on: bool) -> None:
    await expect(switch(tab)).to_have_attribute("aria-pressed", str(on).lower())
    await expect(switch(tab)).to_have_attribute("title", "Tools on" if on else "Tools off")


async def opened(visitor: Visitor) -> Tab:
    tab = await visitor.open()
    await tab.choose_assistant(HAS)
    await is_on(tab, True)
    return tab


def offered(upstream: Upstream, prompt: str) -> list[str]:
    [exchange] = upstream.exchanges(prompt)
    return [each["function"]["name"] for each in exchange["body"].get("tools", [])]


async def test_a_conversation_is_without_tools_until_they_are_on_again(visitor: Visitor, upstream: Upstream) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await opened(visitor)
    await switch(tab).click()
    await is_on(tab, False)
    await tab.box.fill("What is half of this?")
    await tab.reload()
    await is_on(tab, False)
    await expect(tab.box).to_have_value("What is half of this?")

    await tab.ask("What is 6 * 7?")
    assert offered(upstream, "What is 6 * 7?") == []
    await is_on(tab, False)
    other = await visitor.open(f"/c/{await tab.conversation_id()}")
    await is_on(other, False)
    await tab.reload()
    await is_on(tab, False)
    await tab.ask("And 7 * 6?")
    assert offered(upstream, "And 7 * 6?") == []

    await switch(other).click()
    await is_on(other, True)
    await is_on(tab, True)
    await tab.ask("And 6 + 7?")
    assert offered(upstream, "And 6 + 7?") == ["calculator"]
    await tab.reload()
    await is_on(tab, True)

    await tab.page.locator("#new-chat").click()
    await is_on(tab, True)


async def test_it_is_there_only_beside_an_assistant_that_has_tools_and_moves_nothing(visitor: Visitor) -> None:
    tab = await visitor.open()
    await expect(tab.assistant).to_have_text(HAS_NONE)
    await expect(switch(tab)).to_be_hidden()
    height = await tab.page.evaluate(TALL)

    await tab.choose_assistant(HAS)
    await is_on(tab, True)
    assert await tab.page.evaluate(TALL) == height
    place = await switch(tab).bounding_box()
    await switch(tab).click()
    await is_on(tab, False)
    assert await switch(tab).bounding_box() == place
    assert await tab.page.evaluate(TALL) == height

    await tab.choose_assistant(HAS_NONE)
    await expect(switch(tab)).to_be_hidden()


async def test_what_is_chosen_while_the_first_answer_is_written_is_saved_after_it(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await opened(visitor)
    await tab.send(ENDLESS)
    await tab.answering()
    conversation_id = await tab.conversation_id()
    await switch(tab).click()
    await is_on(tab, False)
    async with tab.page.expect_response(lambda response: response.request.method == "PATCH"):
        await tab.stop_button.click()
        await tab.ended("stopped")
    assert (await visitor.api("GET", f"/api/conversations/{conversation_id}"))["tools"] is False
    await is_on(tab, False)


async def test_another_tab_shows_what_the_first_message_chose_while_it_is_answered(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await opened(visitor)
    await switch(tab).click()
    await tab.send(ENDLESS)
    await tab.answering()
    other = await visitor.open(f"/c/{await tab.conversation_id()}")
    await other.answering()
    await is_on(other, False)
    await other.stop_button.click()
    await tab.ended("stopped")
    await is_on(tab, False)


async def test_a_first_question_that_failed_is_asked_again_without_tools(visitor: Visitor, upstream: Upstream) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await opened(visitor)
    await switch(tab).click()
    question = "/status-500 message=Out_of_order"
    await tab.send(question)
    await expect(tab.failure).to_be_visible()
    await tab.conversation_id()
    await tab.reload()
    await expect(tab.failure).to_be_visible()
    await is_on(tab, False)

    upstream.forget()
    await tab.failure.locator("[data-action=retry]").click()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (asked := upstream.exchanges(question)):
            await asyncio.sleep(0.05)
    assert not any("tools" in each["body"] for each in asked)
    await expect(tab.failure).to_be_visible()


async def test_what_is_refused_is_taken_back(visitor: Visitor) -> None:
    visitor.watch.expect("console: Failed to load resource: .* 503")
    tab = await opened(visitor)
    await tab.ask("Hello")
    error = {"code": "unavailable", "message": "The database is away.", "retryable": False}

    async def refuse(route: Route) -> None:
        if route.request.method == "PATCH":
            await route.fulfill(status=503, json={"error": error})
        else:
            await route.fallback()

    await tab.page.route("**/api/conversations/*", refuse)
    await switch(tab).click()
    await expect(tab.toast).to_be_visible()
    await is_on(tab, True)


async def test_a_message_that_overtakes_the_choice_has_no_tools_either(visitor: Visitor, upstream: Upstream) -> None:
    tab = await opened(visitor)
    await tab.ask("Hello")
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.post_data_json == {"tools": False}:
            await held.wait()
        await route.continue_()

    await tab.page.route("**/api/conversations/*", hold)
    await switch(tab).click()
    await is_on(tab, False)
    await tab.ask("What is 6 * 7?")
    assert offered(upstream, "What is 6 * 7?") == []
    held.set()
    await is_on(tab, False)
    await tab.page.unroute_all(behavior="wait")


async def test_the_keyboard_reaches_it(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await tab.page.locator("#assistant-picker button").focus()
    await tab.page.keyboard.press("Tab")
    await expect(switch(tab)).to_be_focused()
    await tab.page.keyboard.press("Space")
    await is_on(tab, False)
    await expect(switch(tab)).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await is_on(tab, True)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
async def test_it_can_be_seen_and_hit(visitors: Visitors, axe: str, theme: str, size: dict[str, Any]) -> None:
    tab = await opened(await arrive_to_check(visitors, axe, theme, **size))
    await check(tab.page)
    await switch(tab).click()
    await check(tab.page)
    box = await switch(tab).bounding_box()
    assert box
    assert box["width"] == box["height"] >= (44 if size else 36)
    assert await tab.page.evaluate(SIDEWAYS) == []
