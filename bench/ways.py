"""The ways in which an answer comes to its reader: this site's, and the reference's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import stamps
from bench.processes import Server
from bench.readers import Reader, SocketReader, SseReader, Tally
from bench.stage import Stage

REFERENCE: Final = "FastAPI reference, SSE"
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Way:
    """One row of the results. `log` is empty for the reference. `folder`: of the site's code, if it is another's."""

    label: str
    log: str
    transport: str
    folder: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.label}, before" if self.folder else self.label

    @property
    def is_reference(self) -> bool:
        return not self.log

    def start(self, stage: Stage) -> Server:
        return stage.reference() if self.is_reference else stage.site(redis=self.log == "Redis", folder=self.folder)

    async def open(self, server: Server, tally: Tally, prompt: str, person: str) -> tuple[Reader, int]:
        """Send a message; its reader, and when it was sent, in ticks. The connection is there already by then."""
        loop = asyncio.get_running_loop()
        if self.transport == "SSE":
            path = "/chat" if self.is_reference else "/api/runs/stream"
            reader = SseReader(tally, path, prompt, "" if self.is_reference else person)
            sent = stamps.now()
            await loop.create_connection(lambda: reader, "127.0.0.1", server.port)
            return reader, sent
        socket = await open_socket(server, tally, prompt, person)
        sent = stamps.now()
        socket.send()
        return socket, sent


async def open_socket(server: Server, tally: Tally, prompt: str, person: str) -> SocketReader:
    """A WebSocket that has been greeted and has sent nothing."""
    socket = SocketReader(tally, prompt, person)
    await asyncio.get_running_loop().create_connection(lambda: socket, "127.0.0.1", server.port)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await socket.greeted
    return socket


def ways(*, with_redis: bool, with_reference: bool) -> list[Way]:
    logs = ["memory", "Redis"] if with_redis else ["memory"]
    site = [
        Way(f"Chatsite, {transport}, {log} log", log, transport) for log in logs for transport in ("WebSocket", "SSE")
    ]
    return [*site, *([Way(REFERENCE, "", "SSE")] if with_reference else [])]
