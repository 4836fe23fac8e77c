"""What was drawn while it arrived is what a fresh page draws from the saved text."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.samples import MARKDOWN, scripted
from tests.browser.visitor import Visitor

# Without a trace of how it came to be: a text node that grew in pieces reads as one.
DRAWN = """() => [...document.querySelectorAll('.message[data-role="assistant"] .message__body')].map((body) => {
  const copy = body.cloneNode(true);
  copy.normalize();
  return copy.innerHTML;
})"""


async def drawn(page: Page) -> list[str]:
    return list(await page.evaluate(DRAWN))


@pytest.mark.parametrize(("size", "rate"), [(1, 900), (3, 250), (17, 100), (10_000, 0)])
async def test_a_streamed_answer_is_what_history_renders(visitor: Visitor, size: int, rate: int) -> None:
    tab = await visitor.open()
    await tab.ask(scripted(MARKDOWN, size=size, rate=rate))
    streamed = await drawn(tab.page)
    fresh = await visitor.open(f"/c/{await tab.conversation_id()}")
    await expect(fresh.answers).to_have_count(1)

    assert streamed == await drawn(fresh.page)
    for tag in ("h1", "h2", "ol", "ul ul, ol ul", "blockquote ul", "table", "pre code.language-python", "hr", "s"):
        assert await fresh.body.locator(tag).count(), tag
    assert await fresh.body.locator("img, b").count() == 0
    await expect(fresh.body.locator(".image-placeholder")).to_contain_text("example.org")


async def test_an_answer_joined_half_way_is_what_history_renders(visitor: Visitor) -> None:
    first = await visitor.open()
    await first.ask("Hello")
    path = f"/c/{await first.conversation_id()}"
    await first.send(scripted(MARKDOWN, size=4, rate=100))
    await first.text_beyond(200)
    second = await visitor.open(path)
    await second.text_beyond(200)
    await first.ended()
    await second.ended()
    fresh = await visitor.open(path)
    await expect(fresh.answers).to_have_count(2)

    assert await drawn(first.page) == await drawn(second.page) == await drawn(fresh.page)


async def test_thoughts_are_folded_away_when_the_answer_begins(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.send("/think count=20 rate=20")
    thoughts = tab.answer.locator(".message__reasoning")
    await expect(thoughts).to_have_attribute("open", "")
    await expect(thoughts).to_contain_text("Thought 2.")
    await tab.ended()

    await expect(thoughts).not_to_have_attribute("open", "")
    await expect(tab.body).to_have_text("So the answer is 42.")
    await thoughts.locator("summary").click()
    await expect(thoughts).to_contain_text("Thought 19.")


async def test_code_and_messages_are_copied_as_they_were_written(visitor: Visitor) -> None:
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = await visitor.open()
    await tab.ask(scripted(MARKDOWN, size=100))

    await tab.body.locator(".code-copy").first.click()
    await expect(tab.body.locator(".code-copy").first).to_have_text("Copied")
    code = await tab.page.evaluate("navigator.clipboard.readText()")
    assert code.rstrip("\n") == 'def strike(prey: str) -> str:\n    return f"caught {prey} & <more>"'
    await tab.answer.locator("[data-action=copy]").click()
    await expect(tab.answer.locator("[data-action=copy]")).to_have_attribute("data-copied", "")
    assert await tab.page.evaluate("navigator.clipboard.readText()") == MARKDOWN
