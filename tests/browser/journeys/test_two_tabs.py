"""One conversation in two tabs."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors
from tests.browser.samples import ENDLESS
from tests.browser.watch import NOT_SAVED_YET


async def test_two_tabs_show_one_conversation(travellers: DeviceVisitors, album: Album) -> None:
    visitor = await travellers()
    visitor.watch.expect(NOT_SAVED_YET)
    first, second = await visitor.open(), await visitor.open()
    await first.ask("Hello")
    conversation_id = await first.conversation_id()
    await second.go(f"/c/{conversation_id}")
    await expect(second.answers).to_have_count(1)

    await second.send(ENDLESS)
    await first.answering()
    early = await first.text_beyond(50)
    await second.text_beyond(len(early))
    await album.keep(first.page, "asked in the other tab")
    await first.stop_button.click()
    await first.ended("stopped")
    await second.ended("stopped")
    assert await first.text() == await second.text()
    await album.keep(second.page, "stopped in the other tab")

    await visitor.api("PATCH", f"/api/conversations/{conversation_id}", {"title": "Herons"})
    for tab in (first, second):
        await expect(tab.title).to_have_text("Herons")
    await second.reload()
    await expect(second.answers).to_have_count(2)
    assert await first.text() == await second.text()
