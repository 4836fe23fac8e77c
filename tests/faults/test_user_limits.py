"""One user's connections are counted over all processes, and those of a killed process no longer count."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final

import aiohttp
import pytest

from chat.protocol import close_codes
from chat.quotas.redis_connections import LEASE_SECONDS
from tests.faults.client import Socket, open_socket
from tests.faults.cluster import Cluster
from tests.faults.configurations import CLUSTER_MARKS
from tests.faults.invariants import check_log
from tests.faults.processes import Upstream
from tests.faults.settings import SETTINGS
from tests.members import Member

pytestmark = list(CLUSTER_MARKS)

LIMIT: Final = 4
# A lease, and time for a busy machine.
FREE_SECONDS: Final = LEASE_SECONDS + 60
# Retrying more often would reach the limit on connecting: twice LIMIT in a minute.
AGAIN_SECONDS: Final = 10.0


@pytest.fixture(scope="module")
def limited(upstream: Upstream) -> Iterator[Cluster]:
    limits = {"CHAT_SOCKETS_PER_USER": str(LIMIT), "CHAT_STREAMS_PER_USER": str(LIMIT)}
    site = Cluster(wired=False, OPENAI_BASE_URL=upstream.base_url, **{**SETTINGS, **limits})
    try:
        site.start()
        yield site
    finally:
        site.stop()
    check_log(site.log, expected=site.expected)


async def is_let_in(site: Cluster, member: Member, number: int, sockets: list[Socket]) -> bool:
    """Whether the process with this number accepts the socket."""
    socket = await open_socket(site, member, port=site.servers[number].port)
    sockets.append(socket)
    waiting: set[asyncio.Future[object]] = {
        asyncio.ensure_future(asyncio.shield(socket.hello)),
        asyncio.ensure_future(socket.closed()),
    }
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*done, *pending, return_exceptions=True)
    if socket.is_open:
        return True
    assert socket.close_code == close_codes.FLOOD
    assert socket.bye is not None
    assert socket.bye["retry_ms"] >= 5_000
    socket.hello.cancel()
    return False


async def test_sockets_and_streams_are_counted_over_all_processes(
    limited: Cluster, http: aiohttp.ClientSession
) -> None:
    alice, charlie = limited.cast["alice"], limited.cast["charlie"]
    sockets: list[Socket] = []
    async with AsyncExitStack() as stack:
        for number in range(LIMIT):
            assert await is_let_in(limited, alice, number % 2, sockets)
        for number in range(2):
            assert not await is_let_in(limited, alice, number, sockets)
            assert await is_let_in(limited, charlie, number, sockets)
        for number in range(LIMIT):
            url = f"{limited.servers[number % 2].url}/api/events"
            stream = await stack.enter_async_context(http.get(url, headers=alice.bearer))
            assert stream.status == 200
        for server in limited.servers:
            async with http.get(f"{server.url}/api/events", headers=alice.bearer) as refused:
                assert (refused.status, (await refused.json())["error"]["code"]) == (429, "too_many_requests")
                assert int(refused.headers["Retry-After"]) > 0
            async with http.get(f"{server.url}/api/events", headers=charlie.bearer) as other:
                assert other.status == 200
    # A closed socket makes room, also on the other process.
    await sockets[0].abort()
    async with asyncio.timeout(FREE_SECONDS):
        while not await is_let_in(limited, alice, 1, sockets):
            await asyncio.sleep(AGAIN_SECONDS)
    for socket in sockets:
        await socket.abort()


async def test_quotas_of_a_killed_process_are_freed_after_its_lease(limited: Cluster) -> None:
    alice = limited.cast["alice"]
    sockets: list[Socket] = []
    for _ in range(LIMIT):
        assert await is_let_in(limited, alice, 0, sockets)
    await asyncio.to_thread(limited.servers[0].kill)
    # The control: closing the connections does not free their places, because no process is left to report it.
    assert not await is_let_in(limited, alice, 1, sockets)
    async with asyncio.timeout(FREE_SECONDS):
        while not await is_let_in(limited, alice, 1, sockets):
            await asyncio.sleep(AGAIN_SECONDS)
    await asyncio.to_thread(limited.servers[0].start)
    for socket in sockets:
        await socket.abort()
