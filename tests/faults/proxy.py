"""A TCP proxy that simulates a bad network: slow, or cut after a number of bytes, even inside a frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

CHUNK: Final = 16 * 1024
# Small, so that a slow network makes the server wait instead of filling the proxy's buffers.
BUFFER: Final = 4 * 1024


class Proxy:
    """`cut_after`: new connections are reset after this many bytes to the client.

    `bytes_per_second`: to the client, per connection. While paused, nothing is sent to the client.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cut_after: int | None = None
        self.bytes_per_second: float | None = None
        self.cuts = 0
        self.connections = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def pause(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=BUFFER)
            up = asyncio.create_task(_copy(reader, far_writer))
            down = asyncio.create_task(self._down(far_reader, writer, self.cut_after))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in (up, down):
                    each.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
                for each_writer in (far_writer, writer):
                    each_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut_after: int | None) -> None:
        loop = asyncio.get_running_loop()
        left, due = cut_after, loop.time()
        with suppress(OSError):
            while True:
                await self._flowing.wait()
                size = CHUNK if self.bytes_per_second is None else max(1, int(self.bytes_per_second / 20))
                data = await reader.read(size if left is None else min(left, size))
                if not data:
                    return
                writer.write(data)
                await writer.drain()
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        self.cuts += 1
                        return
                if self.bytes_per_second is not None:
                    due = max(due, loop.time()) + len(data) / self.bytes_per_second
                    await asyncio.sleep(due - loop.time())


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    """A proxy in front of a local port."""
    made = Proxy(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=BUFFER)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        # A connection accepted just now is served from the loop's next iteration on, and closed one iteration after
        # its abort. The loop may not run again after this.
        await asyncio.sleep(0)
        await made.close()
        await asyncio.sleep(0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
