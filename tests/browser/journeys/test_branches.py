"""Editing a question, regenerating an answer, and going back to earlier versions."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors


async def test_a_branch_is_made_and_left_again(travellers: DeviceVisitors, album: Album) -> None:
    tab = await (await travellers()).open()
    page = tab.page
    question = page.locator('.message[data-role="user"]').last
    await tab.ask("What is a heron?")
    first = await tab.text()

    await question.hover()
    await question.locator("[data-action=edit]").click()
    editor = page.locator(".editor textarea")
    await expect(editor).to_have_value("What is a heron?")
    await editor.fill("What is an egret?")
    await album.keep(page, "a question is edited")
    await editor.press("Control+Enter")
    await expect(tab.questions).to_have_text(["What is an egret?"])
    await tab.ended()
    assert await tab.text() == "Hello! You said: What is an egret?"
    versions = question.locator(".versions")
    await expect(versions).to_contain_text("2")
    await album.keep(page, "the other branch")

    await versions.locator("[data-action=version-back]").click()
    await expect(tab.questions).to_have_text(["What is a heron?"])
    await expect(tab.body).to_have_text(first)
    await album.keep(page, "back")

    await tab.answer.hover()
    await tab.answer.locator("[data-action=regenerate]").click()
    await expect(tab.answer.locator(".versions")).to_contain_text("2")
    await tab.ended()
    await tab.answer.locator("[data-action=details]").click()
    await expect(page.locator("#answer-details")).to_be_visible()
    await album.keep(page, "answered again")
    await page.keyboard.press("Escape")
    await tab.reload()
    await expect(tab.questions).to_have_text(["What is a heron?"])
    await expect(tab.answer.locator(".versions")).to_contain_text("2")
