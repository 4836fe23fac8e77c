"""Finding an earlier message and opening it."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors
from tests.browser.samples import scripted

STORY = "Herons stand still for an hour.\n\nThen one of them catches a **luminous perch** and flies home."


async def test_a_message_is_found_and_opened(travellers: DeviceVisitors, album: Album, is_phone: bool) -> None:
    visitor = await travellers()
    tab = await visitor.open()
    page, palette = tab.page, tab.page.locator("#palette")
    await tab.ask(scripted(STORY, size=40))
    told = await tab.conversation_id()
    await page.locator(".topbar__new" if is_phone else "#new-chat").click()
    await tab.ask("Something else")
    assert await tab.conversation_id() != told

    if is_phone:
        await page.locator("#open-sidebar").tap()
        await page.locator("#open-palette").tap()
    else:
        await page.keyboard.press("Control+k")
    await expect(palette).to_be_visible()
    await album.keep(page, "the palette")
    await palette.locator("#palette-field").fill("luminous per")
    hit = palette.get_by_role("option").filter(
        has=page.locator("mark", has_text=re.compile("luminous", re.IGNORECASE))
    )
    await expect(hit).to_have_count(1)
    await album.keep(page, "found")
    await page.keyboard.press("Enter")

    await expect(palette).to_be_hidden()
    await expect(page).to_have_url(re.compile(told))
    await expect(tab.body).to_contain_text("luminous perch")
    await expect(tab.body).to_be_in_viewport()
    await album.keep(page, "opened")
