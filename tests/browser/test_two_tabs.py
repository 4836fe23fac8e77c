"""A conversation in two tabs: both and the database have the same text, whatever happens."""

from __future__ import annotations

import asyncio
import uuid

from playwright.async_api import Route, expect

from tests.browser.samples import ENDLESS
from tests.browser.visitor import Visitor
from tests.browser.watch import NOT_SAVED_YET
from tests.faults.processes import Site, Upstream

STOPPED = f"{ENDLESS} stopped"


async def test_a_stopped_answer_is_the_same_in_both_tabs_and_in_the_database(
    visitor: Visitor, site: Site, upstream: Upstream
) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    first = await visitor.open()
    await first.send(STOPPED)
    conversation_id = await first.conversation_id()
    second = await visitor.open(f"/c/{conversation_id}")

    early = await first.text_beyond(0)
    later = await first.text_beyond(len(early) + 50)
    assert later.startswith(early)
    await second.text_beyond(len(later))
    await expect(first.answer).to_have_attribute("data-state", "streaming")

    await first.reload()
    again = await first.text_beyond(len(later))
    assert again.startswith(later)
    await second.text_beyond(len(again))
    assert not site.rows("SELECT id FROM chat_conversation WHERE id = ?", uuid.UUID(conversation_id).hex)

    await first.stop_button.click()
    await first.ended("stopped")
    await second.ended("stopped")

    [(saved, status)] = site.rows(
        "SELECT text, status FROM chat_message WHERE conversation_id = ? AND role = 'assistant'",
        uuid.UUID(conversation_id).hex,
    )
    assert status == "stopped"
    assert saved.strip().startswith(again.strip())
    assert await first.text() == await second.text() == saved.strip()
    page = await visitor.api("GET", f"/api/conversations/{conversation_id}/messages")
    assert [message["text"] for message in page["items"]] == [saved, STOPPED]
    [exchange] = upstream.exchanges(STOPPED)
    assert not exchange["complete"]


async def test_both_tabs_show_the_question_and_a_stop_button(visitor: Visitor) -> None:
    first, second = await visitor.open(), await visitor.open()
    await first.ask("Hello")
    conversation_id = await first.conversation_id()
    await second.go(f"/c/{conversation_id}")

    await second.send(ENDLESS)
    await first.answering()
    await expect(first.questions).to_have_text(["Hello", ENDLESS])
    await expect(first.row(conversation_id).locator(".conversation__live")).to_be_visible()
    await first.stop_button.click()
    await second.ended("stopped")
    await first.ended("stopped")

    assert await first.text() == await second.text()
    await expect(first.row(conversation_id).locator(".conversation__live")).to_be_hidden()
    await expect(second.send_button).to_be_visible()


async def test_a_turn_started_elsewhere_during_loading_is_shown(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    begun = asyncio.Event()

    async def read_late(route: Route) -> None:
        await begun.wait()
        await route.continue_()

    await tab.go("/")
    await tab.page.route("**/messages?*", read_late)
    async with tab.page.expect_response("**/api/runs"):
        await tab.row(conversation_id).locator("a").click()
    await visitor.api("POST", "/api/runs", {"text": ENDLESS, "conversation_id": conversation_id})
    await expect(tab.row(conversation_id).locator(".conversation__live")).to_be_visible()
    begun.set()

    await expect(tab.questions).to_have_text(["Hello", ENDLESS])
    await tab.answering()
    await tab.stop_button.click()
    await tab.ended("stopped")


async def test_text_arrives_before_the_answer_is_complete(visitor: Visitor, upstream: Upstream) -> None:
    """Each word is shown while the model holds back the next one."""
    tab = await visitor.open()
    prompt = "/hold after=1 step=1 count=5"
    await tab.send(prompt)
    for count in range(1, 5):
        await tab.numbers(count)
        await expect(tab.answer).to_have_attribute("data-state", "streaming")
        [exchange] = upstream.exchanges(prompt)
        assert (len(exchange["sent"]), exchange["ended"]) == (count, None)
        upstream.release()
    await tab.ended()
    await tab.numbers(5)
