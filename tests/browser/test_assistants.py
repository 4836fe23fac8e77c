"""The assistant chosen at the time of a question answers it, however the user asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser.tab import Tab
from tests.browser.visitor import Visitor

AskOnceMore = Callable[[Tab], Awaitable[None]]


async def answered_by(tab: Tab, name: str) -> None:
    await expect(tab.answer.locator(".message__label")).to_have_text(name)


async def edit(tab: Tab) -> None:
    question = tab.page.locator('.message[data-role="user"]').first
    await question.hover()
    await question.locator("[data-action=edit]").click()
    await expect(question.locator("textarea")).to_be_focused()
    await tab.page.keyboard.type(" again")
    await tab.page.keyboard.press("Enter")
    await expect(tab.questions).to_have_text(["Hello again"])


async def regenerate(tab: Tab) -> None:
    await tab.answer.locator("[data-action=regenerate]").click()
    await expect(tab.answer.locator(".versions")).to_have_attribute("aria-label", "Version 2 of 2")


@pytest.mark.parametrize("ask_once_more", [edit, regenerate])
async def test_a_newly_chosen_assistant_regenerates_the_answer(visitor: Visitor, ask_once_more: AskOnceMore) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    await answered_by(tab, "fake-large")
    await tab.choose_assistant("fake-small")
    await ask_once_more(tab)
    await tab.ended()
    await answered_by(tab, "fake-small")

    await tab.reload()
    await answered_by(tab, "fake-small")
    await expect(tab.assistant).to_have_text("fake-small")


async def test_another_model_can_be_tried_after_a_failure(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/status-500 message=Out_of_order")
    await expect(tab.failure).to_be_visible()
    await answered_by(tab, "fake-large")
    await tab.choose_assistant("fake-small")
    await tab.failure.locator("[data-action=retry]").click()
    await answered_by(tab, "fake-small")
    await expect(tab.failure).to_be_visible()


async def test_a_chosen_assistant_is_kept_until_it_is_used(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    other = await visitor.open(f"/c/{await tab.conversation_id()}")
    await tab.page.bring_to_front()
    await tab.choose_assistant("fake-small")
    await other.page.bring_to_front()
    await other.ask("From the other tab")
    await tab.page.bring_to_front()
    await expect(tab.answers).to_have_count(2)
    await tab.ended()
    await answered_by(tab, "fake-large")

    await expect(tab.assistant).to_have_text("fake-small")
    await tab.ask("And you?")
    await answered_by(tab, "fake-small")
