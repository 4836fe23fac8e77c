"""The sidebar: open, rename, delete and undo; URLs, and the browser's Back and Forward."""

from __future__ import annotations

import asyncio
import re
import uuid

from playwright.async_api import Route, expect

from tests.browser.conftest import Visitors
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import NO_NETWORK, NOT_SAVED_YET
from tests.faults.processes import Site
from tests.faults.proxy import proxy


async def two_conversations(tab: Tab) -> tuple[str, str]:
    """Creates two conversations and leaves the second one open."""
    await tab.ask("The first one")
    first = await tab.conversation_id()
    await tab.page.locator("#new-chat").click()
    await expect(tab.page.locator("#welcome")).to_be_visible()
    await tab.ask("The second one")
    return first, await tab.conversation_id()


async def test_a_missing_conversation_offers_a_new_one(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET, r"console: .* 404 .*/c/")
    tab = await visitor.open(f"/c/{uuid.uuid4()}")
    problem = tab.page.locator("#transcript [data-part=problem]")
    await expect(problem).to_contain_text("deleted")
    await expect(problem.locator("[data-action]:visible")).to_have_text(["New chat"])

    await problem.locator("[data-action=new-chat]").click()

    await expect(tab.page).to_have_url(re.compile(r"/$"))
    await expect(tab.page.locator("#welcome")).to_be_visible()


async def test_a_conversation_is_opened_from_the_sidebar_and_by_its_address(visitor: Visitor) -> None:
    tab = await visitor.open()
    first, second = await two_conversations(tab)
    assert first != second
    await expect(tab.titles).to_have_text(["The second one", "The first one"])
    await expect(tab.row(second).locator("a")).to_have_attribute("aria-current", "page")

    await tab.row(first).locator("[data-action=open]").click()
    await expect(tab.questions).to_have_text(["The first one"])
    await expect(tab.title).to_have_text("The first one")
    await expect(tab.page).to_have_title("The first one · Chatsite")
    assert await tab.conversation_id() == first
    await tab.go(f"/c/{second}")
    await expect(tab.questions).to_have_text(["The second one"])
    await expect(tab.row(second).locator("a")).to_have_attribute("aria-current", "page")


async def test_back_and_forward_go_through_opened_conversations(visitor: Visitor) -> None:
    tab = await visitor.open()
    await two_conversations(tab)
    await tab.page.go_back()
    await expect(tab.page.locator("#welcome")).to_be_visible()
    await tab.page.go_back()
    await expect(tab.questions).to_have_text(["The first one"])
    await tab.page.go_forward()
    await tab.page.go_forward()
    await expect(tab.questions).to_have_text(["The second one"])
    await tab.reload()
    await expect(tab.questions).to_have_text(["The second one"])


async def test_a_new_title_is_shown_everywhere_and_saved(visitor: Visitor) -> None:
    tab, other = await visitor.open(), await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.press_row(conversation_id, "rename")
    field = tab.row(conversation_id).locator("input[name=title]")
    await expect(field).to_be_focused()
    await field.fill("Herons & <b>friends</b>")
    await field.press("Enter")

    await expect(tab.title).to_have_text("Herons & <b>friends</b>")
    await expect(tab.row(conversation_id)).to_contain_text("Herons & <b>friends</b>")
    await expect(other.row(conversation_id)).to_contain_text("Herons & <b>friends</b>")
    await tab.reload()
    await expect(tab.page).to_have_title("Herons & <b>friends</b> · Chatsite")


async def test_escape_leaves_the_title_as_it_was(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.press_row(conversation_id, "rename")
    field = tab.row(conversation_id).locator("input[name=title]")
    await field.fill("Something else")
    await field.press("Escape")
    await expect(field).to_be_hidden()
    await expect(tab.row(conversation_id)).to_contain_text("Hello")
    await tab.press_row(conversation_id, "rename")
    await field.fill("   ")
    await field.press("Tab")
    await expect(field).to_be_hidden()
    await expect(tab.title).to_have_text("Hello")


async def test_deleting_a_conversation_can_be_undone(visitor: Visitor) -> None:
    tab = await visitor.open()
    first, second = await two_conversations(tab)
    await tab.hold_toast()
    await tab.press_row(second, "delete")
    await expect(tab.row(second)).to_have_count(0)
    await expect(tab.page.locator("#welcome")).to_be_visible()
    await expect(tab.toast).to_contain_text("Deleted “The second one”")
    await tab.toast.locator("[data-action=undo]").click()

    await expect(tab.questions).to_have_text(["The second one"])
    await expect(tab.toast).to_be_hidden()
    await expect(tab.titles).to_have_text(["The second one", "The first one"])
    assert await tab.conversation_id() == second
    await tab.press_row(first, "delete")
    await expect(tab.rows).to_have_count(1)
    await expect(tab.questions).to_have_text(["The second one"])
    await tab.reload()
    await expect(tab.rows).to_have_count(1)


async def test_a_conversation_deleted_elsewhere_is_left(visitor: Visitor) -> None:
    visitor.watch.expect(r"console: .* 404 .*/(c|api/conversations)/")
    tab = await visitor.open()
    await tab.hold_toast()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await visitor.api("DELETE", f"/api/conversations/{conversation_id}")

    await expect(tab.page.locator("#welcome")).to_be_visible()
    await expect(tab.toast).to_contain_text("deleted elsewhere")
    await expect(tab.rows).to_have_count(0)
    await tab.page.goto(f"/c/{conversation_id}")
    await expect(tab.page.locator("chat-transcript [data-part=problem]")).to_contain_text("deleted")


async def test_a_late_response_does_not_restore_a_deleted_conversation(visitor: Visitor) -> None:
    """It is marked as read, and deleted elsewhere before the response arrives."""
    asked, deleted = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        if route.request.method != "PATCH":
            await route.continue_()
            return
        answer = await route.fetch()
        asked.set()
        await deleted.wait()
        await route.fulfill(response=answer)

    tab = await visitor.open()
    await tab.page.route("**/api/conversations/*", answer_late)
    await tab.ask("Hello")
    async with asyncio.timeout(60):
        await asked.wait()
    await visitor.api("DELETE", f"/api/conversations/{await tab.conversation_id()}")
    await expect(tab.rows).to_have_count(0)
    async with tab.page.expect_response("**/api/conversations/*") as answered:
        deleted.set()
    await (await answered.value).finished()
    await tab.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert await tab.rows.count() == 0


async def test_late_errors_of_a_closed_conversation_are_not_shown(visitors: Visitors, site: Site) -> None:
    """Its messages are loaded again after a network failure, and it is deleted meanwhile."""
    asked, deleted = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        asked.set()
        await deleted.wait()
        await route.continue_()

    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        visitor.watch.expect(*NO_NETWORK, r"console: .* 404 .*/api/conversations/")
        tab = await visitor.open()
        await tab.hold_toast()
        await tab.ask("Hello")
        conversation_id = await tab.conversation_id()
        await tab.page.route(f"**/api/conversations/{conversation_id}/messages*", answer_late)
        async with tab.page.expect_websocket():
            await wire.close()
        await asked.wait()
        await visitor.api("DELETE", f"/api/conversations/{conversation_id}")
        await expect(tab.toast).to_contain_text("deleted elsewhere")

        async with tab.page.expect_response(lambda response: response.status == 404):
            deleted.set()
        await tab.send("Hello again")
        await tab.ended()
        await expect(tab.toast).to_contain_text("deleted elsewhere")
        await visitor.leave()


async def test_a_conversation_created_elsewhere_appears(visitor: Visitor) -> None:
    tab = await visitor.open()
    run = await visitor.api("POST", "/api/runs", {"text": "From a program"})
    await expect(tab.titles).to_have_text(["From a program"])
    await tab.row(run["conversation_id"]).locator("[data-action=open]").click()
    await tab.ended()
    assert await tab.text() == "Hello! You said: From a program"


async def test_a_long_conversation_is_read_page_by_page(visitor: Visitor) -> None:
    await visitor.api("POST", "/api/runs/wait", {"text": "Number 0"})
    conversation_id = (await visitor.api("GET", "/api/conversations"))["items"][0]["id"]
    for number in range(1, 60):
        await visitor.api("POST", "/api/runs/wait", {"text": f"Number {number}", "conversation_id": conversation_id})
    tab = await visitor.open(f"/c/{conversation_id}")
    await expect(tab.questions.last).to_be_in_viewport()
    await expect(tab.questions.last).to_have_text("Number 59")
    shown = await tab.questions.count()
    assert shown < 60
    last = await tab.questions.first.inner_text()

    while (before := await tab.questions.count()) < 60:
        await tab.questions.first.scroll_into_view_if_needed()
        await expect(tab.questions).not_to_have_count(before)
    await expect(tab.questions).to_have_text([f"Number {number}" for number in range(60)])
    assert last != "Number 0"


async def test_a_menu_opens_once_its_code_has_loaded(visitor: Visitor) -> None:
    wanted = asyncio.Event()

    async def hold(route: Route) -> None:
        await wanted.wait()
        await route.continue_()

    await visitor.context.route("**/conversation_menu.js", hold)
    tab = await visitor.open()
    await tab.ask("Hello")
    row = tab.row(await tab.conversation_id())
    await row.hover()
    await row.locator("[data-action=menu]").click()
    menu = tab.page.locator("#conversation-menu")
    await expect(menu).to_be_hidden()
    wanted.set()
    await expect(menu).to_be_visible()
    await expect(menu.locator("[data-action=pin]")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator('#conversations ul[aria-label="Pinned"]')).to_be_visible()
