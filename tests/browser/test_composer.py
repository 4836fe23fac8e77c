"""The message box: which keys send, which texts are too long or empty, and that no text is lost."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Route, expect

from tests.browser.conftest import SETTINGS
from tests.browser.samples import ENDLESS
from tests.browser.tab import HAS_COME, Tab
from tests.browser.visitor import Visitor

LIMIT = int(SETTINGS["CHAT_MESSAGE_CHARACTERS"])
PRESSES = """() => {
  window.presses = [];
  document.addEventListener("keydown", (event) => window.presses.push([event.key, event.isComposing]), true);
}"""

STORED = """(words) => Object.entries(localStorage)
  .some(([key, value]) => key.includes("draft") && value.includes(words))"""


async def compose(tab: Tab, text: str) -> CDPSession:
    """Simulates an input method that shows `text` and has not committed it yet."""
    keyboard = await tab.page.context.new_cdp_session(tab.page)
    await tab.box.focus()
    at = {"selectionStart": len(text), "selectionEnd": len(text)}
    await keyboard.send("Input.imeSetComposition", {"text": text, **at})
    return keyboard


async def test_text_typed_before_the_scripts_load_is_kept(visitor: Visitor) -> None:
    """Also below an earlier draft."""
    typed = asyncio.Event()

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await visitor.context.route("**/js/chat*.js", late)
    for words, expected in (("quick", "quick"), ("quicker", "quick\n\nquicker")):
        typed.clear()
        tab = Tab(await visitor.context.new_page())
        await tab.page.goto("/", wait_until="commit")
        await tab.box.press_sequentially(words)
        typed.set()
        await tab.loaded()
        await expect(tab.box).to_have_value(expected)
        await expect(tab.box).to_be_focused()
        # It is stored for the next page.
        await tab.page.wait_for_function(STORED, arg=words)
    await tab.box.press("Control+Enter")
    await tab.ended()
    await expect(tab.questions).to_have_text(["quick\n\nquicker"])


async def come_late(tab: Tab) -> asyncio.Event:
    """Delays the page's modules until the event is set."""
    come = asyncio.Event()

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await tab.page.route("**/js/chat*.js", late)
    return come


async def test_enter_before_the_scripts_load_sends_afterwards(visitor: Visitor) -> None:
    tab = Tab(await visitor.context.new_page())
    come = await come_late(tab)
    await tab.page.goto("/", wait_until="commit")
    await tab.page.wait_for_function(HAS_COME, arg="/early_enter.js")
    await tab.box.press_sequentially("one")
    await tab.box.press("Shift+Enter")
    await tab.box.press_sequentially("two")
    await tab.box.press("Enter")
    await tab.box.press("Enter")
    assert urlsplit(tab.page.url).path == "/"
    assert await tab.box.input_value() == "one\ntwo"

    come.set()
    await tab.loaded()
    await tab.ended()
    await expect(tab.box).to_have_value("")
    await expect(tab.box).to_be_editable()
    await tab.reload()
    assert await tab.questions.all_inner_texts() == ["one\ntwo"]


async def test_enter_before_the_scripts_load_sends_no_hidden_draft(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.box.fill("a draft")
    await tab.page.wait_for_function(STORED, arg="a draft")
    come = await come_late(tab)
    await tab.page.goto("/", wait_until="commit")
    await tab.page.wait_for_function(HAS_COME, arg="/early_enter.js")
    await tab.box.press_sequentially("quick")
    await tab.box.press("Enter")
    come.set()
    await tab.loaded()
    await expect(tab.box).to_have_value("a draft\n\nquick")
    await expect(tab.box).to_be_editable()
    await expect(tab.questions).to_have_count(0)


async def test_enter_sends_and_shift_enter_breaks_the_line(visitor: Visitor) -> None:
    tab = await visitor.open()
    await expect(tab.box).to_be_focused()
    await tab.page.keyboard.type("one")
    await tab.page.keyboard.press("Shift+Enter")
    await tab.page.keyboard.type("two")
    await expect(tab.box).to_have_value("one\ntwo")
    await expect(tab.questions).to_have_count(0)
    await tab.page.keyboard.press("Enter")
    await tab.ended()

    assert await tab.questions.inner_text() == "one\ntwo"
    await expect(tab.box).to_have_value("")
    await expect(tab.box).to_be_focused()


async def test_enter_that_ends_a_composition_does_not_send(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.page.evaluate(PRESSES)
    keyboard = await compose(tab, "にほん")
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    await keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    await keyboard.send("Input.insertText", {"text": "日本"})
    await keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    assert ["Enter", True] in await tab.page.evaluate("window.presses")
    await expect(tab.box).to_have_value("日本")
    # Safari has already ended the composition by then; only the key code shows that there was one.
    await tab.box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True, "cancelable": True})
    await expect(tab.box).to_have_value("日本")
    await expect(tab.questions).to_have_count(0)

    await tab.page.keyboard.press("Enter")
    await expect(tab.questions).to_have_text(["日本"])
    await tab.ended()


async def test_escape_that_ends_a_composition_does_not_stop_the_answer(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send(ENDLESS)
    await tab.answering()
    await tab.page.evaluate(PRESSES)
    keyboard = await compose(tab, "にほん")
    escape = {"key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27}
    await keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **escape})
    await keyboard.send("Input.insertText", {"text": "日本"})
    await keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **escape})
    assert ["Escape", True] in await tab.page.evaluate("window.presses")
    await tab.text_beyond(len(await tab.text()) + 50)
    await expect(tab.answer).to_have_attribute("data-state", "streaming")

    await tab.page.keyboard.press("Escape")
    await tab.ended("stopped")
    await expect(tab.box).to_have_value("日本")


async def test_an_empty_message_is_not_sent(visitor: Visitor) -> None:
    tab = await visitor.open()
    await expect(tab.send_button).to_be_disabled()
    for blank in ("", "   ", "\n \t"):
        await tab.box.fill(blank)
        await tab.box.press("Enter")
        await tab.box.press("Control+Enter")
        await expect(tab.send_button).to_be_disabled()
    await expect(tab.box).to_have_value("\n \t")
    await expect(tab.questions).to_have_count(0)

    await tab.box.fill("Now")
    await tab.send_button.click()
    await tab.ended()
    await expect(tab.questions).to_have_text(["Now"])


async def test_a_message_that_is_too_long_says_by_how_much_and_stays(visitor: Visitor) -> None:
    tab = await visitor.open()
    long = "🐦" + "a" * LIMIT
    await tab.send(long)
    await expect(tab.hint).to_contain_text("Too long")
    await expect(tab.hint).to_contain_text(f"{LIMIT + 1:,}")
    await expect(tab.hint).to_have_attribute("data-tone", "problem")
    await expect(tab.send_button).to_be_disabled()
    await expect(tab.box).to_have_value(long)
    await expect(tab.questions).to_have_count(0)

    await tab.send(long[:-1])
    await tab.ended()
    await expect(tab.box).to_have_value("")
    assert await tab.text() == f"Hello! You said: {long[:-1]}"


async def test_text_typed_during_an_answer_waits_for_its_end(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send(ENDLESS)
    await tab.answering()
    await expect(tab.send_button).to_be_hidden()
    await tab.send("the next one")
    await expect(tab.hint).to_contain_text("An answer is being written")
    await expect(tab.box).to_have_value("the next one")
    await expect(tab.questions).to_have_count(1)
    await tab.stop_button.click()
    await tab.ended("stopped")

    await tab.box.press("Enter")
    await tab.ended()
    await expect(tab.questions).to_have_count(2)
    assert await tab.text() == "Hello! You said: the next one"


async def test_drafts_are_kept_per_conversation_and_over_a_reload(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.box.fill("for this one")
    await tab.page.locator("#new-chat").click()
    await expect(tab.box).to_have_value("")
    await tab.box.fill("for a new one")
    await tab.row(conversation_id).locator("[data-action=open]").click()
    await expect(tab.box).to_have_value("for this one")
    await tab.reload()
    await expect(tab.box).to_have_value("for this one")
    await tab.go("/")
    await expect(tab.box).to_have_value("for a new one")

    await tab.box.press("Enter")
    await tab.ended()
    await tab.go("/")
    await expect(tab.box).to_have_value("")


async def test_a_suggestion_fills_the_box_and_sends_nothing(visitor: Visitor) -> None:
    tab = await visitor.open()
    suggestion = tab.page.locator("#welcome [data-prompt]").first
    words = await suggestion.get_attribute("data-prompt")
    assert words
    await suggestion.click()
    await expect(tab.box).to_have_value(words)
    await expect(tab.box).to_be_focused()
    await expect(tab.questions).to_have_count(0)


async def test_the_box_grows_with_its_text_up_to_half_the_window(visitor: Visitor) -> None:
    tab = await visitor.open()
    low = await tab.box.bounding_box()
    await tab.box.fill("line\n" * 5)
    middle = await tab.box.bounding_box()
    await tab.box.fill("line\n" * 200)
    high = await tab.box.bounding_box()
    viewport = tab.page.viewport_size
    assert low
    assert middle
    assert high
    assert viewport
    assert low["height"] < middle["height"] < high["height"] <= viewport["height"] / 2
    await expect(tab.send_button).to_be_in_viewport()


async def test_the_chosen_assistant_answers_is_named_and_remembered(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.choose_assistant("fake-small")
    await expect(tab.box).to_be_focused()
    await tab.ask("Hello")
    await expect(tab.answer.locator(".message__label")).to_have_text("fake-small")
    await tab.reload()
    await expect(tab.answer.locator(".message__label")).to_have_text("fake-small")
    await expect(tab.assistant).to_have_text("fake-small")

    await tab.page.locator("#new-chat").click()
    await expect(tab.assistant).to_have_text("fake-small")


async def test_another_assistant_can_continue_a_conversation(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    await tab.page.locator("#assistant-picker button").focus()
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator("#assistant-list")).to_be_focused()
    await tab.page.keyboard.press("ArrowDown")
    await tab.page.keyboard.press("Enter")
    await expect(tab.assistant).to_have_text("fake-small")
    await tab.ask("And you?")

    await expect(tab.answer.locator(".message__label")).to_have_text("fake-small")
    await tab.reload()
    await expect(tab.assistant).to_have_text("fake-small")


async def test_a_long_paste_is_announced_and_kept_even_if_too_long(visitor: Visitor) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = await visitor.open()
    await tab.page.evaluate("(text) => navigator.clipboard.writeText(text)", "b" * LIMIT)
    await tab.box.press("Control+V")
    await expect(tab.hint).to_have_text(f"{LIMIT:,} characters pasted")
    await tab.box.press("Backspace")
    await expect(tab.hint).to_have_text("1 character left")

    await tab.box.press("Control+V")
    await expect(tab.hint).to_have_text(f"Too long: {2 * LIMIT - 1:,} of {LIMIT:,} characters")
    await expect(tab.send_button).to_be_disabled()
    await tab.reload()
    await expect(tab.box).to_have_value("b" * (2 * LIMIT - 1))


async def test_a_draft_is_shared_by_all_tabs(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.box.fill("begun here")
    other = await visitor.open()
    await expect(other.box).to_have_value("begun here")
    await other.box.press("Control+Enter")
    await other.ended()

    await tab.page.bring_to_front()
    await expect(tab.box).to_have_value("")
