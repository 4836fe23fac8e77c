"""Versions: edited questions, regenerated answers, and switching between them."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.tab import Tab
from tests.browser.test_following import STEADY
from tests.browser.test_scrolling import TOP_OF
from tests.browser.visitor import Visitor
from tests.faults.processes import Upstream


async def version(tab: Tab, words: str) -> None:
    await expect(tab.answer.locator(".versions")).to_have_attribute("aria-label", words)


async def test_a_regenerated_answer_becomes_a_second_version(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    first = await tab.ask("/varied count=5")
    await tab.answer.locator("[data-action=regenerate]").click()
    await version(tab, "Version 2 of 2")
    await tab.ended()
    second = await tab.text()
    assert first != second
    await expect(tab.questions).to_have_text(["Hello", "/varied count=5"])

    await tab.page.wait_for_function(STEADY)
    top = await tab.answer.evaluate(TOP_OF)
    await tab.answer.locator("[data-action=version-back]").click()
    await expect(tab.body).to_have_text(first)
    assert abs(await tab.answer.evaluate(TOP_OF) - top) < 2
    await expect(tab.answer.locator("[data-action=version-on]")).to_be_focused()
    await tab.reload()
    await expect(tab.body).to_have_text(first)
    await tab.answer.locator("[data-action=version-on]").click()
    await expect(tab.body).to_have_text(second)


async def test_an_edited_question_starts_a_new_branch(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("One")
    await tab.ask("Two")
    question = tab.page.locator('.message[data-role="user"]').first
    await tab.has_loaded("question_editor")
    await question.hover()
    await question.locator("[data-action=edit]").click()
    await tab.page.keyboard.type(" and more")
    await expect(question.locator("textarea")).to_have_value("One and more")
    await tab.page.keyboard.press("Escape")
    await expect(question.locator("[data-action=edit]")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await tab.page.keyboard.type(" and a half")
    await tab.page.keyboard.press("Enter")
    await expect(tab.questions).to_have_text(["One and a half"])
    await tab.ended()

    await expect(question.locator(".versions")).to_have_attribute("aria-label", "Version 2 of 2")
    await question.locator("[data-action=version-back]").click()
    await expect(tab.questions).to_have_text(["One", "Two"])
    assert await tab.ask("Three") == "Hello! You said: Three"
    await tab.reload()
    await expect(tab.questions).to_have_text(["One", "Two", "Three"])


async def test_the_editor_grows_with_its_text_without_a_copy_of_it(visitor: Visitor) -> None:
    viewport = {"width": 1280, "height": 800}
    tab = await visitor.open()
    await tab.page.set_viewport_size(viewport)
    await tab.ask("One")
    question = tab.page.locator('.message[data-role="user"]')
    await question.hover()
    await question.locator("[data-action=edit]").click()
    box, place = question.locator("textarea"), question.locator(".editor__grow")
    heights = []
    for text in ("One", "One\n" * 5, "A long one. " * 1_000):
        await box.fill(text)
        # A copy would be laid out completely at every key press.
        assert not await place.get_attribute("data-text")
        heights.append((await box.bounding_box() or viewport)["height"])
    assert heights[0] < heights[1] < heights[2] < viewport["height"] / 2
    await expect(question.locator("[type=submit]")).to_be_in_viewport()


async def test_an_answer_continues_while_another_branch_is_shown(visitor: Visitor, upstream: Upstream) -> None:
    tab = await visitor.open()
    first = await tab.ask("/varied count=5")
    await tab.answer.locator("[data-action=regenerate]").click()
    await version(tab, "Version 2 of 2")
    question = tab.page.locator('.message[data-role="user"]').first
    await tab.ended()
    await question.hover()
    await question.locator("[data-action=edit]").click()
    await expect(question.locator("textarea")).to_be_focused()
    await tab.page.keyboard.press("Control+a")
    await tab.page.keyboard.type("/hold after=3 count=120")
    await tab.page.keyboard.press("Enter")
    await tab.numbers(3)
    await question.locator("[data-action=version-back]").click()
    await expect(tab.answer).to_have_attribute("data-state", "completed")
    await expect(tab.stop_button).to_be_visible()
    assert await tab.text() != first

    await question.locator("[data-action=version-on]").click()
    await expect(tab.questions).to_have_text(["/hold after=3 count=120"])
    await tab.numbers(3)
    upstream.release()
    await tab.ended()
    assert (await tab.text()).split()[-1].endswith(":000120")


async def test_a_truncated_answer_can_be_continued(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("/finish reason=length")
    await tab.answer.locator("[data-action=continue]").click()
    await version(tab, "Version 2 of 2")
    await tab.ended()
    assert (await tab.text()).startswith("Well")
    assert len(await tab.text()) > len("Well")


async def test_partial_text_before_an_error_stays_as_a_version(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/eof after=4")
    await expect(tab.failure).to_be_visible()
    text = await tab.text()
    await tab.failure.locator("[data-action=retry]").click()
    await version(tab, "Version 2 of 2")
    await expect(tab.failure).to_be_visible()
    await tab.reload()
    await expect(tab.body).to_have_text(text)


async def test_regenerating_in_another_tab_keeps_the_shown_branch(visitor: Visitor) -> None:
    first = await visitor.open()
    text = await first.ask("/varied count=5")
    second = await visitor.open(f"/c/{await first.conversation_id()}")
    await second.answer.locator("[data-action=regenerate]").click()
    await version(second, "Version 2 of 2")
    await second.ended()

    await version(first, "Version 1 of 2")
    assert await first.text() == text
    await first.answer.locator("[data-action=version-on]").click()
    await expect(first.body).to_have_text(await second.text())


async def test_details_of_an_answer_are_shown(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    for _ in range(2):
        await tab.answer.locator("[data-action=details]").click()
        details = tab.page.locator("#answer-details")
        await expect(details).to_contain_text("fake-large")
        await expect(details).to_contain_text("First token")
        await expect(details).to_contain_text("Output tokens")
        await tab.page.keyboard.press("Escape")
        await expect(details).to_be_hidden()
        await tab.reload()
