"""Finding a conversation again: the palette, pins, the archive and unread marks, the same in every tab."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from playwright.async_api import Locator, Route, expect

from tests.browser.tab import Tab
from tests.browser.visitor import Visitor


def option(tab: Tab, words: str) -> Locator:
    return tab.page.locator("#palette [role=option]").filter(has_text=words)


async def ask(visitor: Visitor, text: str) -> str:
    """Returns the id of the conversation."""
    run = await visitor.api("POST", "/api/runs/wait", {"text": text})
    return str(run["conversation_id"])


def group(tab: Tab, label: str) -> Locator:
    """The titles under a heading of the sidebar."""
    return tab.page.locator(f'#conversations ul[aria-label="{label}"] .conversation__title')


async def test_a_message_is_found_by_its_words_and_opened(visitor: Visitor) -> None:
    for text in ("Where do herons nest?", "How do swifts sleep?"):
        await ask(visitor, text)
    tab = await visitor.open()
    await tab.page.keyboard.press("Control+K")
    await expect(tab.page.locator("#palette-field")).to_be_focused()
    await tab.page.keyboard.type("swif")
    await expect(option(tab, "You: How do swifts sleep?")).to_be_visible()
    await expect(tab.page.locator("#palette mark").first).to_have_text(re.compile("^swif", re.IGNORECASE))
    await expect(option(tab, "herons")).to_have_count(0)

    found = await tab.page.locator("#palette [role=option]").count()
    await tab.page.keyboard.press("ArrowUp")
    active = await tab.page.locator("#palette-field").get_attribute("aria-activedescendant")
    assert active == await tab.page.locator("#palette [role=option]").nth(found - 1).get_attribute("id")
    await option(tab, "You: How do swifts sleep?").click()
    await expect(tab.questions).to_have_text(["How do swifts sleep?"])
    await expect(tab.page).to_have_url(re.compile(r"/c/[\w-]+\?message=[\w-]+$"))
    await expect(tab.page.locator("#palette")).to_be_hidden()


async def test_search_results_are_escaped(visitor: Visitor) -> None:
    await ask(visitor, "<img src=x onerror=__x=1> heron <b>bold</b>")
    tab = await visitor.open()
    await tab.page.locator("#open-palette").click()
    await tab.page.keyboard.type("heron")
    await expect(option(tab, "<img src=x onerror=__x=1> heron <b>bold</b>").first).to_be_visible()
    await expect(tab.page.locator("#palette :is(img, b)")).to_have_count(0)
    await tab.page.keyboard.type("onsense")
    await expect(tab.page.locator("#palette [role=status]")).to_contain_text("No results")


async def test_a_command_is_run_from_the_palette(visitor: Visitor) -> None:
    visitor.watch.allow("/theme")
    tab = await visitor.open()
    await tab.ask("Hello")
    await tab.page.keyboard.press("Control+K")
    await tab.page.keyboard.type("dark")
    await expect(option(tab, "Dark theme")).to_have_attribute("data-active", "")
    async with tab.page.expect_response("**/theme"):
        await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator("html")).to_have_attribute("data-theme", "dark")

    await tab.page.keyboard.press("Control+K")
    await tab.page.keyboard.type("rename")
    await expect(option(tab, "Rename this conversation")).to_have_attribute("data-active", "")
    await tab.page.keyboard.press("Enter")
    field = tab.row(await tab.conversation_id()).locator("input[name=title]")
    await expect(field).to_be_focused()
    await field.fill("Greetings")
    await field.press("Enter")
    await expect(tab.title).to_have_text("Greetings")
    await tab.page.keyboard.press("Control+K")
    await tab.page.keyboard.press("Escape")
    await expect(tab.page.locator("#palette")).to_be_hidden()


async def test_enter_opens_a_message_rather_than_a_similar_command(visitor: Visitor) -> None:
    await ask(visitor, "Where do the herons nest?")
    tab = await visitor.open()
    await tab.page.keyboard.press("Control+K")
    await expect(option(tab, "New chat")).to_be_visible()
    # Immediately, before there are any results.
    await tab.page.keyboard.type("the")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator("#palette")).to_be_hidden()
    await expect(tab.questions).to_have_text(["Where do the herons nest?"])
    await expect(tab.page.locator("html")).to_have_attribute("data-theme", "system")


async def test_no_key_is_lost_while_the_palette_loads(visitor: Visitor) -> None:
    visitor.watch.allow("/theme")
    wanted = asyncio.Event()

    async def hold(route: Route) -> None:
        await wanted.wait()
        await route.continue_()

    await visitor.context.route("**/palette.js", hold)
    tab = await visitor.open()
    await tab.page.keyboard.press("Control+K")
    await expect(tab.page.locator("#palette-field")).to_be_focused()
    await tab.page.keyboard.type("dark")
    for key in ("ArrowDown", "ArrowUp", "Enter"):
        await tab.page.keyboard.press(key)
    await expect(tab.page.locator("#palette")).to_be_visible()
    async with tab.page.expect_response("**/theme"):
        wanted.set()
    await expect(tab.page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_pinned_conversations_are_on_top_in_every_tab(visitor: Visitor) -> None:
    first = await ask(visitor, "The first one")
    await ask(visitor, "The second one")
    tab, other = await visitor.open(), await visitor.open()
    await tab.press_row(first, "pin")
    for each in (tab, other):
        await expect(group(each, "Pinned")).to_have_text(["The first one"])
        await expect(each.titles).to_have_text(["The first one", "The second one"])

    await other.press_row(first, "pin")
    for each in (tab, other):
        await expect(group(each, "Pinned")).to_have_count(0)
        await expect(each.titles).to_have_text(["The second one", "The first one"])


async def test_conversations_can_be_archived_and_unarchived(visitor: Visitor) -> None:
    first = await ask(visitor, "The first one")
    await ask(visitor, "The second one")
    tab, other = await visitor.open(f"/c/{first}"), await visitor.open()
    await tab.hold_toast()
    await tab.press_row(first, "archive")
    await expect(tab.page.locator("#welcome")).to_be_visible()
    await expect(tab.toast).to_contain_text("Archived “The first one”")
    for each in (tab, other):
        await expect(each.titles).to_have_text(["The second one"])
    await tab.toast.locator("[data-action=undo]").click()
    await expect(tab.questions).to_have_text(["The first one"])
    await tab.press_row(first, "archive")
    await expect(tab.titles).to_have_text(["The second one"])

    await other.page.locator("#user-menu-button").click()
    await other.page.locator("[data-action=open-archive]").click()
    await expect(other.titles).to_have_text(["The first one"])
    await other.press_row(first, "archive")
    await expect(other.page.locator("#conversations [data-part=empty]")).to_have_text("Nothing is archived.")
    await other.page.locator("[data-action=close-archive]").click()
    for each in (tab, other):
        await expect(each.titles).to_have_text(["The second one", "The first one"])


async def test_an_open_archived_conversation_has_a_note_and_a_row(visitor: Visitor) -> None:
    first = await ask(visitor, "The first one")
    await ask(visitor, "The second one")
    await visitor.api("PATCH", f"/api/conversations/{first}", {"archived": True})

    tab = await visitor.open(f"/c/{first}")

    note = tab.page.locator("#archived-note")
    await expect(note).to_be_visible()
    await expect(group(tab, "Archived")).to_have_text(["The first one"])
    await expect(tab.row(first).locator("a")).to_have_attribute("aria-current", "page")
    await tab.press_row(first, "archive")
    await expect(note).to_be_hidden()
    await expect(group(tab, "Archived")).to_have_count(0)
    await expect(tab.titles).to_have_text(["The second one", "The first one"])


async def test_an_answer_from_elsewhere_is_unread_until_it_is_seen(visitor: Visitor) -> None:
    tab, other = await visitor.open(), await visitor.open()
    conversation_id = await ask(visitor, "From a program")
    for each in (tab, other):
        await expect(each.row(conversation_id).locator(".conversation__unread")).to_be_visible()
    await tab.row(conversation_id).locator("[data-action=open]").click()
    for each in (tab, other):
        await expect(each.row(conversation_id).locator(".conversation__unread")).to_be_hidden()
    await tab.reload()
    await expect(tab.row(conversation_id).locator(".conversation__unread")).to_be_hidden()


async def test_a_long_answer_is_unread_until_its_end_is_reached_even_in_one_jump(visitor: Visitor) -> None:
    tab, other = await visitor.open(), await visitor.open()
    await tab.ask("/numbered count=900")
    conversation_id = await tab.conversation_id()
    unread = other.row(conversation_id).locator(".conversation__unread")
    await expect(unread).to_be_visible()
    # It is not marked as unread where it is open.
    await expect(tab.row(conversation_id).locator(".conversation__unread")).to_be_hidden()
    assert await tab.row(conversation_id).get_attribute("data-unread") is None
    await tab.has_loaded("read_marks")
    await tab.page.evaluate("document.querySelector('#transcript-scroller').scrollTop = 1e6")
    await expect(unread).to_be_hidden()


# Nothing is drawn until the test allows it, as on a busy machine.
HOLD_FRAMES: Final = """() => {
  const held = [];
  const request = window.requestAnimationFrame;
  window.requestAnimationFrame = (callback) => held.push(callback);
  window.letGo = () => {
    window.requestAnimationFrame = request;
    for (const callback of held) request(callback);
  };
}"""


async def test_an_answer_not_yet_drawn_to_its_end_is_unread(visitor: Visitor) -> None:
    tab, other = await visitor.open(), await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.has_loaded("read_marks")
    await expect(other.row(conversation_id).locator(".conversation__unread")).to_be_hidden()
    await tab.page.evaluate(HOLD_FRAMES)
    await tab.send("/numbered count=900")
    # It has been saved, and both tabs know.
    unread = other.row(conversation_id).locator(".conversation__unread")
    await expect(unread).to_be_visible()
    await expect(tab.row(conversation_id).locator("[data-part=live]")).to_be_hidden()
    await tab.page.evaluate("letGo()")
    await tab.ended()
    await expect(tab.page.locator("#jump-to-latest")).to_be_visible()
    assert (await visitor.api("GET", f"/api/conversations/{conversation_id}"))["unread"]
    await expect(unread).to_be_visible()
    await tab.page.evaluate("document.querySelector('#transcript-scroller').scrollTop = 1e6")
    await expect(unread).to_be_hidden()


async def test_the_list_loads_more_while_scrolling(visitor: Visitor) -> None:
    for number in range(60):
        await visitor.api("POST", "/api/runs/wait", {"text": f"Number {number}"})
    tab = await visitor.open()
    await expect(tab.titles.first).to_have_text("Number 59")
    while (before := await tab.rows.count()) < 60:
        await tab.rows.last.scroll_into_view_if_needed()
        await expect(tab.rows).not_to_have_count(before)
    await expect(tab.titles.last).to_have_text("Number 0")


async def test_the_shortcuts_are_listed(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.box.press("?")
    await expect(tab.box).to_have_value("?")
    await tab.page.locator("#conversation-title").click()
    await tab.page.keyboard.press("?")
    await expect(tab.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await expect(tab.page.locator("#shortcuts")).to_be_hidden()
