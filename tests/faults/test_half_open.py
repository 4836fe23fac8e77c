"""Row R12: a client that disappeared without closing its connection is pinged and dropped."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp

from chat.server.server import PING_INTERVAL_SECONDS, PING_TIMEOUT_SECONDS, TIMEOUTS_SECONDS
from tests.faults.client import Browser, socket
from tests.faults.conftest import StartSite
from tests.faults.proxy import proxy
from tests.faults.sabotage import command
from tests.faults.test_slow_readers import count_readers, readers

LET_GO_SECONDS: Final = 60
# Several times as long as a server with quick pings needs.
LOOKED_SECONDS: Final = 10.0


def test_timeouts_close_a_dead_socket_within_a_minute() -> None:
    """The test below uses shorter intervals. Timeouts are checked every few seconds."""
    assert PING_INTERVAL_SECONDS + PING_TIMEOUT_SECONDS + 2 * TIMEOUTS_SECONDS <= LET_GO_SECONDS


async def test_a_dead_socket_is_closed(start_site: StartSite, http: aiohttp.ClientSession) -> None:
    """There are no events that it could acknowledge. A socket that answers pings stays."""
    await check(start_site, http, sabotage="quick_pings", remaining=1)


async def test_control_without_pings_it_stays_open(start_site: StartSite, http: aiohttp.ClientSession) -> None:
    await check(start_site, http, sabotage="no_pings", remaining=2)


async def check(start_site: StartSite, http: aiohttp.ClientSession, *, sabotage: str, remaining: int) -> None:
    site = start_site()
    alice, [server] = site.cast["alice"], site.servers
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start, command(sabotage))
    browser = Browser(site, alice, http)
    async with socket(site, alice) as there, proxy(site.port) as network:
        async with socket(site, alice, port=network.port):
            network.pause()
            if remaining == 1:
                await readers(browser, 1)
            else:
                await asyncio.sleep(LOOKED_SECONDS)
            assert await count_readers(browser) == remaining
            network.resume()
        assert there.is_open
