"""Rows 13 to 15: sockets and SSE readers that stop reading while 3 MB are written must not delay another reader."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import quantiles
from typing import Final

from websockets.asyncio.client import connect

from tests.faults.client import numbered, socket
from tests.faults.processes import Server
from tests.faults.reading import Reading
from tests.faults.rows.rig import Rig, Trial
from tests.members import Member

SETTINGS: Final = {"CHAT_ANSWER_BYTES": str(4 * 1024 * 1024), "CHAT_STALLED_SECONDS": "30"}
READERS: Final = 50
TOKEN: Final = len(numbered("", 1))
LONG_COUNT: Final = 3 * 1024 * 1024 // TOKEN
LONG_RATE: Final = 6000
NORMAL_COUNT: Final = 600
NORMAL_RATE: Final = 40
MIB: Final = 1024 * 1024
MEMORY_BYTES: Final = 20 * MIB
RECEIVE_BYTES: Final = 4096
# A shorter delay may come from a busy machine, not from the readers.
DELAY_SECONDS: Final = 0.1


async def stalled_readers(rig: Rig) -> list[Trial]:
    """Two trials: memory stays bounded, and others wait no longer. Measured first without such readers, then with."""
    alone, _ = await _measure(rig, readers=0)
    beside, grown = await _measure(rig, readers=READERS)
    memory = f"grew by {grown / MIB:.1f} MB"
    delay = f"p99 {alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside {2 * READERS} deaf readers"
    return [
        Trial("memory", memory if grown >= MEMORY_BYTES else "", note=memory),
        Trial("delay", delay if beside > max(2 * alone, DELAY_SECONDS) else "", note=delay),
    ]


async def _measure(rig: Rig, *, readers: int) -> tuple[float, int]:
    """The p99 delay of a normal reader in seconds, and by how many bytes the server grew."""
    rig.upstream.forget()
    server, browser = rig.site.servers[0], rig.browser(0)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(socket(rig.site, rig.alice, port=server.port))
        await (await connection.run("/hello warming up")).ended()
        before = server.rss
        status, long = await browser.start(f"/numbered count={LONG_COUNT} rate={LONG_RATE} {uuid.uuid4()}")
        assert status == 201
        for _ in range(readers):
            await stack.enter_async_context(_deaf_socket(server, rig.alice, long["run_id"]))
            await stack.enter_async_context(deaf_stream(server, rig.alice, long["run_id"]))
        prompt = f"/numbered count={NORMAL_COUNT} rate={NORMAL_RATE} {uuid.uuid4()}"
        normal = await connection.run(prompt)
        await normal.ended(seconds=120)
        [exchange] = await asyncio.to_thread(rig.upstream.exchanges, prompt)
        delay = p99_delay(normal, [at for at, _ in exchange["sent"]])
        whole = Reading(long["run_id"])
        await connection.subscribe(whole)
        await whole.ended(seconds=300)
        grown = server.rss - before
    assert whole.size == LONG_COUNT * TOKEN
    return delay, grown


def p99_delay(reading: Reading, sent: list[float]) -> float:
    """The p99 time from the model sending a token to the reader receiving it."""
    delays, size = [], 0
    for at, length in reading.arrivals:
        first, size = size // TOKEN, size + length
        delays += [at - sent[number] for number in range(first, size // TOKEN)]
    return quantiles(delays, n=100)[98]


@asynccontextmanager
async def _deaf_socket(server: Server, member: Member, run_id: str) -> AsyncIterator[None]:
    """It subscribes to the run, acknowledges nothing and reads nothing."""
    connection = await connect(
        f"ws://127.0.0.1:{server.port}/ws/chat",
        additional_headers=member.bearer,
        compression=None,
        ping_interval=None,
        proxy=None,
        max_queue=1,
    )
    try:
        await connection.send(json.dumps({"type": "subscribe", "ref": 1, "run_id": run_id}))
        connection.transport.pause_reading()
        yield
    finally:
        connection.transport.abort()


@asynccontextmanager
async def deaf_stream(server: Server, member: Member, run_id: str) -> AsyncIterator[None]:
    """It requests the run's events and reads none of them."""
    made = sockets.socket()
    made.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, RECEIVE_BYTES)
    made.setblocking(False)
    try:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(made, ("127.0.0.1", server.port))
        request = f"GET /api/runs/{run_id}/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        await loop.sock_sendall(made, f"{request}Authorization: Bearer {member.token}\r\n\r\n".encode())
        yield
    finally:
        made.close()
