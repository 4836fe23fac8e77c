"""A person is asked before a tool runs, and answers questions of the model: in the page, on the real server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import ENDLESS
from tests.browser.tab import Tab
from tests.browser.test_accessibility import arrive as arrive_to_check
from tests.browser.test_accessibility import axe, check
from tests.browser.test_phone import PHONE, SIDEWAYS
from tests.browser.visitor import Visitor
from tests.browser.watch import NO_NETWORK, UUID
from tests.fake_openai import turns
from tests.faults.processes import Site, Upstream

__all__ = ["axe"]

ASSISTANT: Final = "fake-small"
SWITCH: Final = "UPDATE chat_assistant SET tools = ? WHERE slug = ?"
MODES: Final = {"local:send_note": "ask", "builtin:calculator": "ask", "builtin:ask_person": "allow"}
REPLIES: Final = rf"/api/messages/{UUID}/(approvals|answers)"
NOTE: Final = ("send_note", '{"to":"Bob","text":"The herons are back."}')
SUM: Final = ("calculator", '{"expression":"6*7"}')
ASK: Final = ("ask_person", '{"question":"Which colour?","choices":["Red","Blue"],"allows_text":true}')
Deltas = list[dict[str, Any]]
RESULTS: Final[Deltas] = [{"content": "It says: "}, {"results": True}]
PATIENCE_SECONDS: Final = 60
TOP: Final = "(element) => element.getBoundingClientRect().top"
# Records the text of the last answer whenever the list of messages changes.
RECORD: Final = """() => {
  const list = document.querySelector("#messages");
  window.shown = [];
  const record = () => window.shown.push(list.lastElementChild?.textContent ?? "");
  new MutationObserver(record).observe(list, { childList: true });
}"""


@pytest.fixture(autouse=True)
def _tools(site: Site) -> Iterator[None]:
    """An administrator has switched them on for one of the assistants."""
    site.rows(SWITCH, json.dumps(MODES), ASSISTANT)
    yield
    site.rows(SWITCH, "{}", ASSISTANT)


def asks(*calls: tuple[str, str], before: str = "Let me see. ", then: Deltas = RESULTS, pieces: int = 3) -> str:
    """A message whose answer makes these calls, and then tells their results."""
    return turns.prompt([{"content": before}, *turns.calls(*calls, pieces=pieces)], then)


async def asked(visitor: Visitor, *calls: tuple[str, str], **options: Any) -> Tab:
    """A conversation whose answer waits for a person."""
    visitor.watch.allow(REPLIES)
    tab = await visitor.open()
    await tab.choose_assistant(ASSISTANT)
    await tab.send(asks(*calls, **options))
    await tab.ended("waiting")
    await expect(cards(tab)).to_have_count(len(calls))
    return tab


def cards(tab: Tab) -> Locator:
    return tab.page.locator(".asking:visible")


def press(tab: Tab, name: str) -> Locator:
    return cards(tab).get_by_role("button", name=name, exact=True)


def line(tab: Tab) -> Locator:
    return tab.answer.locator(".tool__decision")


async def test_a_call_is_made_once_it_is_allowed(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE)
    card = tab.page.get_by_role("group", name="Allow “Send a note”?")
    await expect(card).to_contain_text("This tool can change or send something.")
    await expect(card.locator("dt")).to_have_text(["to", "text"])
    await expect(card.locator("dd")).to_have_text(["Bob", "The herons are back."])
    await expect(tab.answer.locator(".message__status")).to_have_text("Waiting for your decision")
    await expect(tab.page.locator("#announcer")).to_have_text("Send a note needs your permission.")
    await expect(tab.answer.locator(".message__note")).to_have_text("")

    await press(tab, "Allow once").click()
    await tab.ended()
    await expect(tab.answers).to_have_count(1)
    await expect(line(tab)).to_have_text("Allowed once")
    await expect(tab.body).to_have_text(["Let me see.", "It says: Sent to Bob: 20 characters."])
    await expect(tab.answer.locator(".versions")).to_be_hidden()
    await expect(cards(tab)).to_have_count(0)

    await tab.reload()
    await expect(line(tab)).to_have_text("Allowed once")
    await expect(tab.body).to_have_text(["Let me see.", "It says: Sent to Bob: 20 characters."])
    await expect(tab.answers).to_have_count(1)
    await expect(tab.answer.locator(".versions")).to_be_hidden()


async def test_nothing_jumps_or_flashes_when_the_answer_goes_on(visitor: Visitor) -> None:
    long = "".join(f"Line {number}.\n\n" for number in range(40))
    tab = await asked(visitor, NOTE, before=long, then=[{"content": "Then. "}, {"hold": True}, {"content": "End."}])
    await tab.page.evaluate("() => document.querySelector('chat-transcript').showLatest()")
    text = tab.body.first.get_by_text("Line 39.", exact=True)
    await expect(text).to_be_in_viewport()
    await press(tab, "Allow once").hover()
    before = await text.evaluate(TOP)
    await tab.page.evaluate(RECORD)
    await press(tab, "Allow once").click()
    await expect(tab.body.last).to_have_text("Then.")

    again = tab.body.first.get_by_text("Line 39.", exact=True)
    assert await again.evaluate(TOP) == pytest.approx(before, abs=1)
    shown = await tab.page.evaluate("window.shown")
    assert shown
    assert all("Line 39." in each for each in shown)


async def test_an_answer_that_goes_on_is_there_after_a_reload(visitor: Visitor, upstream: Upstream) -> None:
    tab = await asked(visitor, NOTE, then=[{"content": "Then. "}, {"hold": True}, {"content": "End."}])
    await press(tab, "Allow once").click()
    await expect(tab.body.last).to_have_text("Then.")
    await tab.reload()
    await expect(tab.body).to_have_text(["Let me see.", "Then."])
    await expect(cards(tab)).to_have_count(0)
    await expect(tab.answers).to_have_count(1)
    await expect(tab.answer.locator(".versions")).to_be_hidden()
    upstream.release()
    await tab.ended()
    await expect(tab.body.last).to_have_text("Then. End.")


async def test_a_denied_call_says_why_and_the_model_is_told(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE)
    await press(tab, "Deny").click()
    await expect(press(tab, "Allow once")).to_be_hidden()
    await tab.page.keyboard.type("Not today.")
    await tab.page.keyboard.press("Enter")
    await tab.ended()
    await expect(line(tab)).to_have_text("Denied: Not today.")
    await expect(tab.body.last).to_contain_text("Not today.")
    await tab.reload()
    await expect(line(tab)).to_have_text("Denied: Not today.")


async def test_what_is_allowed_in_the_conversation_is_not_asked_again(visitor: Visitor) -> None:
    tab = await asked(visitor, SUM)
    await expect(cards(tab)).to_contain_text("An administrator wants you to be asked")
    await press(tab, "Allow in this conversation").click()
    await tab.ended()
    await expect(line(tab)).to_have_text("Allowed in this conversation")
    await tab.send(asks(("calculator", '{"expression":"7*7"}')))
    await expect(tab.answers).to_have_count(2)
    await tab.ended()
    await expect(tab.body.last).to_contain_text("49")
    await expect(line(tab)).to_be_hidden()


async def test_several_calls_are_decided_together(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE, SUM)
    await expect(cards(tab)).to_have_count(2)
    await expect(tab.page.locator("#announcer")).to_have_text("2 tools need your permission.")
    await expect(press(tab, "Allow all once")).to_have_count(1)
    await press(tab, "Allow once").last.click()
    await expect(press(tab, "Allow once").last).to_have_attribute("aria-pressed", "true")
    await expect(cards(tab).last).to_contain_text("once you have decided about the other calls")
    await press(tab, "Deny").first.click()
    await tab.page.keyboard.press("Enter")
    await tab.ended()
    await expect(line(tab)).to_have_text(["Denied", "Allowed once"])


async def test_all_are_allowed_at_once(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE, SUM)
    await press(tab, "Allow all once").click()
    await tab.ended()
    await expect(line(tab)).to_have_text(["Allowed once", "Allowed once"])


async def test_a_reload_and_another_tab_ask_the_same(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE)
    drawn = await tab.answer.locator("[data-part=parts]").inner_text()
    await tab.reload()
    await expect(cards(tab)).to_have_count(1)
    assert await tab.answer.locator("[data-part=parts]").inner_text() == drawn
    await expect(tab.answer.locator(".message__status")).to_have_text("Waiting for your decision")
    other = await visitor.open(f"/c/{await tab.conversation_id()}")
    await expect(cards(other)).to_have_count(1)

    await press(other, "Allow once").click()
    for each in (other, tab):
        await each.ended()
        await expect(line(each)).to_have_text("Allowed once")
        await expect(cards(each)).to_have_count(0)
        await expect(each.answers).to_have_count(1)
        await expect(each.answer.locator(".versions")).to_be_hidden()


@pytest.mark.parametrize("pressed", [False, True], ids=["watching", "deciding, too"])
async def test_what_was_decided_while_this_tab_was_offline_is_shown(visitor: Visitor, pressed: bool) -> None:
    visitor.watch.expect(*NO_NETWORK)
    tab = await asked(visitor, NOTE)
    conversation_id = await tab.conversation_id()
    [answer, _] = (await visitor.api("GET", f"/api/conversations/{conversation_id}/messages"))["items"]
    [call_id] = answer["pending"]
    decision = {"call_id": call_id, "decision": "deny", "note": "No."}
    await visitor.context.set_offline(True)
    if pressed:
        await press(tab, "Allow once").click()
        await expect(press(tab, "Allow once")).to_be_disabled()
    await visitor.api("POST", f"/api/messages/{answer['id']}/approvals", {"decisions": [decision]})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len((await visitor.api("GET", "/api/runs?active=true"))["items"]):
            await asyncio.sleep(0.05)
    await visitor.context.set_offline(False)

    await tab.ended()
    await expect(line(tab)).to_have_text("Denied: No.")
    await expect(cards(tab)).to_have_count(0)


async def test_a_decision_made_offline_survives_a_reload_and_counts_once(visitor: Visitor) -> None:
    visitor.watch.expect(*NO_NETWORK)
    tab = await asked(visitor, NOTE)
    await visitor.context.set_offline(True)
    await press(tab, "Allow once").click()
    await expect(tab.answer.locator(".tool__state")).to_have_text("Sending…")
    await visitor.context.set_offline(False)
    await tab.reload()
    await tab.ended()
    await expect(line(tab)).to_have_text("Allowed once")
    await expect(tab.answers).to_have_count(1)


async def test_what_is_refused_can_be_decided_again(visitor: Visitor) -> None:
    visitor.watch.allow(REPLIES)
    tab = await asked(visitor, NOTE)
    await tab.page.evaluate(
        """() => {
          const send = WebSocket.prototype.send;
          WebSocket.prototype.send = function (text) {
            if (!text.includes('"approve"')) return send.call(this, text);
            WebSocket.prototype.send = send;
            const { ref } = JSON.parse(text);
            const data = JSON.stringify({ type: "error", ref, code: "rate_limited", message: "No.", retryable: true });
            this.dispatchEvent(new MessageEvent("message", { data }));
          };
        }"""
    )
    await press(tab, "Allow once").click()
    await expect(cards(tab)).to_contain_text("Too many requests. Wait a moment, then try again.")
    await expect(press(tab, "Allow once")).to_be_enabled()
    await press(tab, "Allow once").click()
    await tab.ended()
    await expect(line(tab)).to_have_text("Allowed once")


async def test_a_new_message_denies(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE)
    await tab.ask("Never mind.")
    first = tab.answers.first
    await expect(first.locator(".tool__decision")).to_be_visible()
    await expect(first.locator(".tool__decision")).to_have_text("Not answered")
    await expect(cards(tab)).to_have_count(0)
    await expect(first.locator(".message__status")).to_be_hidden()
    await tab.reload()
    await expect(tab.answers.first.locator(".tool__decision")).to_have_text("Not answered")
    await expect(cards(tab)).to_have_count(0)


async def test_long_arguments_are_whole_before_anything_is_allowed(visitor: Visitor) -> None:
    text = "word " * 1_200
    tab = await asked(visitor, ("send_note", json.dumps({"to": "Bob", "text": text})), pieces=10_000)
    value = cards(tab).locator(".asking__value").last
    await expect(value).to_have_text(text.strip())
    await expect(press(tab, "Allow once")).to_be_enabled()
    assert await value.evaluate("(element) => element.clientHeight < element.scrollHeight")
    await press(tab, "Show all").click()
    assert await value.evaluate("(element) => element.clientHeight === element.scrollHeight")
    await press(tab, "Allow once").click()
    await tab.ended()
    await expect(tab.body.last).to_contain_text(f"{len(text)} characters")


async def test_an_answer_can_wait_twice(visitor: Visitor) -> None:
    visitor.watch.allow(REPLIES)
    tab = await visitor.open()
    await tab.choose_assistant(ASSISTANT)
    await tab.send(turns.prompt([{"content": "One. "}, *turns.calls(NOTE)], [*turns.calls(SUM)], RESULTS))
    await tab.ended("waiting")
    await press(tab, "Allow once").click()
    await expect(tab.page.get_by_role("group", name=re.compile("Allow “Calculat"))).to_be_visible()
    await tab.ended("waiting")
    await expect(tab.answers).to_have_count(1)
    await press(tab, "Allow once").click()
    await tab.ended()
    await expect(line(tab)).to_have_text(["Allowed once", "Allowed once"])
    await expect(tab.answers).to_have_count(1)
    await expect(tab.answer.locator(".versions")).to_be_hidden()


async def test_if_the_answer_fails_after_it_was_allowed_it_can_be_decided_again(visitor: Visitor) -> None:
    tab = await asked(visitor, SUM, then=[{"raw": {"error": {"message": "Out of order.", "code": "x"}}}])
    await press(tab, "Allow once").click()
    await expect(tab.failure).to_be_visible()
    await expect(tab.answers).to_have_count(1)
    await tab.failure.locator("[data-action=retry]").click()
    await expect(press(tab, "Allow once")).to_be_enabled()
    await expect(tab.answers).to_have_count(1)
    await tab.ended("waiting")
    await press(tab, "Deny").click()
    await tab.page.keyboard.press("Enter")
    await expect(tab.failure).to_be_visible()
    await expect(line(tab)).to_have_text("Denied")


async def test_a_question_of_the_model_is_answered_by_a_choice(visitor: Visitor) -> None:
    tab = await asked(visitor, ASK)
    await expect(tab.page.get_by_role("group", name="Which colour?")).to_be_visible()
    await expect(tab.answer.locator(".message__status")).to_have_text("Waiting for your answer")
    await press(tab, "Blue").click()
    await tab.ended()
    await expect(line(tab)).to_have_text("Your answer: Blue")
    await expect(tab.body.last).to_contain_text("Blue")
    await tab.reload()
    await expect(line(tab)).to_have_text("Your answer: Blue")


async def test_a_question_of_the_model_is_answered_in_own_words_over_http(visitors: Visitors) -> None:
    visitor = await visitors()
    visitor.watch.expect("console: chat: could not create the WebSocket")
    await visitor.context.add_init_script("WebSocket = class { constructor() { throw new Error('blocked'); } };")
    tab = await asked(visitor, ASK)
    await cards(tab).get_by_role("textbox").fill("Green")
    await cards(tab).get_by_role("textbox").press("Control+Enter")
    await tab.ended()
    await expect(line(tab)).to_have_text("Your answer: Green")


async def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE)
    await tab.answer.locator(".tool summary").focus()
    await tab.page.keyboard.press("Tab")
    await expect(press(tab, "Allow once")).to_be_focused()
    await tab.page.keyboard.press("Tab")
    await tab.page.keyboard.press("Tab")
    await expect(press(tab, "Deny")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await expect(cards(tab).get_by_role("textbox")).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await expect(press(tab, "Deny")).to_be_focused()
    await tab.page.keyboard.press("Shift+Tab")
    await tab.page.keyboard.press("Shift+Tab")
    await tab.page.keyboard.press("Space")
    await tab.ended()
    await expect(line(tab)).to_have_text("Allowed once")
    await expect(tab.answer.locator(".tool summary")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
async def test_it_can_be_read_and_hit(visitors: Visitors, axe: str, theme: str, size: dict[str, Any]) -> None:
    tab = await asked(await arrive_to_check(visitors, axe, theme, **size), NOTE, SUM)
    await check(tab.page)
    await press(tab, "Deny").last.click()
    await check(tab.page)
    assert await tab.page.evaluate(SIDEWAYS) == []
    await tab.page.emulate_media(media="print")
    await expect(press(tab, "Allow once").first).to_be_hidden()
    await expect(cards(tab).first).to_contain_text("The herons are back.")


async def test_it_is_stopped_like_any_answer(visitor: Visitor) -> None:
    tab = await asked(visitor, NOTE, then=[{"content": "More. "}, {"hold": True}])
    await press(tab, "Allow once").click()
    await expect(tab.body.last).to_have_text("More.")
    await tab.stop_button.click()
    await tab.ended("stopped")
    await expect(line(tab)).to_have_text("Allowed once")
    await tab.send(ENDLESS)
    await expect(tab.answers).to_have_count(2)
    await tab.answering()
    await tab.stop_button.click()
    await tab.ended("stopped")
