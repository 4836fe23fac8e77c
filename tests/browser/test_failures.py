"""When the model fails: a card with the reason, Retry, and Keep for the partial answer."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.browser.watch import NOT_SAVED_YET

# Records each state of the last message from now on.
NOTE_STATES = """() => {
  window.states = [];
  const messages = document.querySelector("#messages");
  const answers = messages.getElementsByClassName("message");
  const note = () => window.states.push(answers[answers.length - 1]?.dataset.state);
  new MutationObserver(note).observe(messages, { attributes: true, childList: true, subtree: true });
}"""


async def test_a_failed_answer_can_be_retried(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/status-500 message=Out_of_order")
    await expect(tab.failure.locator(".failure__title")).to_have_text(re.compile("model"))
    await expect(tab.answer).to_have_attribute("data-state", "failed")
    await expect(tab.failure.locator("[data-action=keep]")).to_be_hidden()
    await expect(tab.send_button).to_be_visible()

    await tab.page.evaluate(NOTE_STATES)
    await tab.failure.locator("[data-action=retry]").click()
    # However briefly the answer streams.
    await tab.page.wait_for_function('() => / streaming .*failed $/.test(` ${window.states.join(" ")} `)')
    await expect(tab.answer).to_have_attribute("data-state", "failed")
    await expect(tab.questions).to_have_count(1)
    await expect(tab.failure).to_have_count(1)


async def test_retry_succeeds_once_the_model_works_again(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/flaky-404 times=1 message=Not_today")
    await expect(tab.failure.locator(".failure__detail")).to_contain_text("Not today")
    await tab.failure.locator("[data-action=retry]").click()
    await tab.ended()

    await expect(tab.failure).to_have_count(0)
    await expect(tab.questions).to_have_count(1)
    await tab.reload()
    await expect(tab.questions).to_have_count(1)
    await expect(tab.answers).to_have_count(1)
    assert (await tab.text()).startswith("Hello!")


async def test_a_rate_limit_counts_down_to_retry(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/rate-limit after=90")
    retry = tab.failure.locator("[data-action=retry]")
    await expect(tab.failure.locator(".failure__title")).to_contain_text("Too many requests")
    await expect(retry).to_be_disabled()
    await expect(retry).to_have_text(re.compile(r"Retry in (90|[1-8]?\d) s"))
    words = await retry.inner_text()
    await expect(retry).not_to_have_text(words)
    await expect(retry).to_be_disabled()


async def test_partial_text_is_kept_on_request(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/eof after=4")
    await expect(tab.failure.locator(".failure__title")).to_have_text("The answer was cut off")
    text = await tab.text()
    assert len(text.split()) == 4
    conversation_id = await tab.conversation_id()
    await tab.failure.locator("[data-action=keep]").click()
    await expect(tab.failure).to_have_count(0)
    assert await tab.text() == text

    await tab.reload()
    assert await tab.text() == text
    page = await visitor.api("GET", f"/api/conversations/{conversation_id}/messages")
    assert [message["text"].strip() for message in page["items"]] == [text, "/eof after=4"]
    assert await tab.ask("Go on") == "Hello! You said: Go on"


async def test_a_failure_survives_a_reload_and_its_text_can_be_kept(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send("/error after=3")
    await expect(tab.failure).to_be_visible()
    text = await tab.text()
    await tab.conversation_id()
    await tab.reload()
    await expect(tab.failure).to_be_visible()
    assert await tab.text() == text
    assert "sk-abcdefgh12345678" not in await tab.failure.inner_text()

    await tab.failure.locator("[data-action=keep]").click()
    await expect(tab.failure).to_have_count(0)
    await tab.reload()
    await expect(tab.questions).to_have_count(1)
    assert await tab.text() == text


async def test_a_failure_does_not_change_the_conversation(visitor: Visitor) -> None:
    tab = await visitor.open()
    first = await tab.ask("Hello")
    await tab.send("/status-404")
    await expect(tab.failure).to_be_visible()
    assert await tab.ask("Still there?") == "Hello! You said: Still there?"

    await tab.reload()
    await expect(tab.questions).to_have_text(["Hello", "Still there?"])
    assert await tab.answers.first.locator(".message__body").inner_text() == first


async def test_an_answer_cut_at_the_length_limit_is_marked(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("/finish reason=length")
    await expect(tab.answer.locator(".message__note")).to_contain_text("length limit")
    await tab.reload()
    await expect(tab.answer.locator(".message__note")).to_contain_text("length limit")
