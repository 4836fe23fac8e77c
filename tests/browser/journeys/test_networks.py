"""A reload, a network failure, and a network that blocks WebSockets."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors
from tests.browser.test_network import block_websockets, check_numbers, no_network
from tests.browser.watch import NOT_SAVED_YET
from tests.faults.processes import Site, Upstream
from tests.faults.proxy import proxy

COUNT = 60


async def test_reloaded_offline_and_back(
    travellers: DeviceVisitors, album: Album, site: Site, upstream: Upstream
) -> None:
    async with proxy(site.port) as wire:
        visitor = await travellers(url=f"http://127.0.0.1:{wire.port}")
        visitor.watch.expect(NOT_SAVED_YET)
        tab = await visitor.open()
        await tab.send(f"/hold after=20 step=20 count={COUNT}")
        await tab.numbers(20)
        await tab.reload()
        await tab.numbers(20)
        upstream.release()
        await tab.numbers(40)

        async with no_network(visitor, wire):
            await expect(tab.notice).to_contain_text("No connection")
            await tab.box.fill("Written without a network")
            await expect(tab.box).to_have_value("Written without a network")
            await album.keep(tab.page, "offline")
        await expect(tab.notice).to_have_count(0)
        upstream.release()
        await tab.ended()
        check_numbers(await tab.text(), COUNT)
        await expect(tab.box).to_have_value("Written without a network")
        await tab.box.press("Control+Enter")
        await expect(tab.answers).to_have_count(2)
        await tab.ended()
        await expect(tab.questions.last).to_have_text("Written without a network")
        await album.keep(tab.page, "back")
        await visitor.leave()


async def test_websockets_are_blocked(travellers: DeviceVisitors, album: Album, upstream: Upstream) -> None:
    visitor = await travellers()
    await block_websockets(visitor)
    tab = await visitor.open()
    await expect(tab.notice).to_contain_text("plain HTTP")
    await tab.send("/hold after=20 count=150")
    await tab.numbers(20)
    await album.keep(tab.page, "over plain HTTP")
    upstream.release()
    await tab.ended()
    check_numbers(await tab.text(), 150)
    await tab.reload()
    check_numbers(await tab.text(), 150)
