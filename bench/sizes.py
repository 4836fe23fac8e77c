"""What a server keeps of an idle WebSocket, and how many bytes an answer takes on the wire."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import machine, stamps
from bench.processes import Server
from bench.readers import Tally
from bench.ways import Way, open_socket

OPENING: Final = 20
# What the first sockets need is needed only once: modules, caches, threads.
FIRST: Final = 20
SETTLE_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 120.0


@dataclass(frozen=True)
class OnTheWire:
    """Bytes of one answer's connection, HTTP and WebSocket framing and the handshake included."""

    received: int
    sent: int


async def idle_bytes(server: Server, people: Sequence[str], counts: Sequence[int]) -> dict[int, float]:
    """Resident memory of a fresh server per open WebSocket that does nothing, for so many of them."""
    owners = itertools.cycle(people)
    turn = asyncio.Semaphore(OPENING)
    sockets = []

    async def join() -> None:
        async with turn:
            sockets.append(await open_socket(server, Tally(), "", next(owners)))

    async def grow(count: int) -> int:
        async with asyncio.TaskGroup() as group:
            for _ in range(count - len(sockets)):
                group.create_task(join())
        await asyncio.sleep(SETTLE_SECONDS)
        return machine.resident_bytes(server.pid)

    try:
        before = await grow(FIRST)
        return {count: (await grow(count) - before) / (count - FIRST) for count in counts}
    finally:
        for socket in sockets:
            socket.close()


async def answer_bytes(
    server: Server, way: Way, person: str, counts: Sequence[int], rate: int
) -> dict[int, OnTheWire]:
    """Of answers of so many tokens, at so many tokens per second."""
    return {count: await _answer(server, way, person, count, rate) for count in counts}


async def _answer(server: Server, way: Way, person: str, count: int, rate: int) -> OnTheWire:
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, _ = await way.open(server, Tally(), f"count={count} rate={rate}", person)
        await reader.ended
    if reader.text_bytes != count * stamps.TOKEN_BYTES:
        raise SystemExit(f"{way.name}: {reader.text_bytes} bytes of text instead of {count * stamps.TOKEN_BYTES}")
    counted = OnTheWire(reader.received, reader.sent)
    reader.close()
    return counted
