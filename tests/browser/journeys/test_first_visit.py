"""From the first visit to the first answer."""

from __future__ import annotations

import re
import uuid

from playwright.async_api import expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors
from tests.browser.samples import MARKDOWN, scripted
from tests.browser.tab import Tab
from tests.faults.processes import Upstream

PASSWORD = "wading birds at dusk 7"


async def test_from_the_first_visit_to_the_first_answer(
    travellers: DeviceVisitors, album: Album, upstream: Upstream
) -> None:
    name = f"ada-{uuid.uuid4().hex[:8]}"
    visitor = await travellers(anonymous=True)
    page = await visitor.page("/")
    await album.keep(page, "log in")
    await page.get_by_role("link", name="Create an account").click()
    await page.locator("input[name=username]").fill(name)
    await page.locator("input[name=password1]").fill("short")
    await page.locator("input[name=password2]").fill("shorter")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.locator(".errorlist").first).to_be_visible()
    await album.keep(page, "a password that is refused")
    await page.locator("input[name=password1]").fill(PASSWORD)
    await page.locator("input[name=password2]").fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()

    tab = Tab(page)
    await tab.loaded()
    await expect(page.locator("#welcome")).to_contain_text(name)
    await album.keep(page, "an empty chat")
    suggestion = page.locator("#welcome [data-prompt]").first
    words = await suggestion.get_attribute("data-prompt")
    await suggestion.click()
    await expect(tab.box).to_have_value(words or "")
    await expect(tab.box).to_be_focused()
    await album.keep(page, "a suggestion is taken")

    await tab.box.fill(f"{scripted(MARKDOWN, size=3)} after=40")
    await tab.send_button.click()
    await tab.answering()
    await expect(tab.stop_button).to_be_visible()
    await album.keep(page, "an answer is being written")
    upstream.release()
    await tab.ended()
    await expect(tab.body.locator("table")).to_be_visible()
    await expect(tab.send_button).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/c/"))
    await album.keep(page, "the first answer")
