"""Proxies between a server and its Redis or PostgreSQL that can cut or freeze connections, or drop messages.

The wires of a site run in a thread of their own, because the site outlives a test's event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

CHUNK: Final = 256 * 1024
PUBLICATION: Final = b"*3\r\n$7\r\nmessage\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """Forwards connections to `target` (a Unix socket or a local port)."""

    def __init__(self, network: Network, target: Path | int) -> None:
        self.target = target
        # Connections to the target so far, and dropped publications.
        self.connections = 0
        self.lost = 0
        self._network = network
        self._robber: Callable[[bytes], bool] | None = None
        self._is_away = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing: asyncio.Event = network.run(_event())
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_away(self) -> bool:
        return self._is_away

    def break_off(self) -> None:
        """Reset every connection; new ones are accepted."""
        self._network.call(self._abort)

    def cut(self) -> None:
        """Reset every connection and accept no new ones."""
        self._is_away = True
        self.break_off()

    def mend(self) -> None:
        self._is_away = False

    def freeze(self) -> None:
        """Forward nothing in either direction, without closing any connection."""
        self._network.call(self._flowing.clear)

    def thaw(self) -> None:
        self._network.call(self._flowing.set)

    def rob(self, robber: Callable[[bytes], bool] | None) -> None:
        """Drop the Redis publications for which `robber` returns True."""
        self._robber = robber

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_away:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve((reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def up(self, near: Streams, far: Streams) -> None:
        """Towards the target."""
        while data := await near[0].read(CHUNK):
            await self._flowing.wait()
            far[1].write(data)
            await far[1].drain()

    async def down(self, near: Streams, far: Streams) -> None:
        while data := await far[0].read(CHUNK):
            await self._flowing.wait()
            if self._robber is not None and data.startswith(PUBLICATION) and self._robber(data):
                self.lost += 1
                continue
            near[1].write(data)
            await near[1].drain()

    async def close(self) -> None:
        self._is_away = True
        self._flowing.set()
        self._abort()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, near: Streams) -> None:
        try:
            far = await _connect(self.target)
        except OSError:
            near[1].transport.abort()
            return
        self.connections += 1
        writers = {near[1], far[1]}
        self._writers |= writers
        if self._is_away:
            self._abort()
        copies = [
            asyncio.create_task(_quietly(self.up(near, far))),
            asyncio.create_task(_quietly(self.down(near, far))),
        ]
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        self._writers -= writers
        for writer in writers:
            writer.transport.abort()


class Network:
    """The event loop of the wires."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()
        self._wires: list[tuple[Wire, asyncio.Server]] = []

    def socket(self, path: Path, target: Path) -> Wire:
        """A wire that listens on a Unix socket."""
        wire = Wire(self, target)
        self._wires.append((wire, self.run(asyncio.start_unix_server(wire.accept, path))))
        return wire

    def port(self, wire: Wire) -> int:
        """Make this wire listen on a free port; return the port."""
        server = self.run(asyncio.start_server(wire.accept, "127.0.0.1", 0))
        self._wires.append((wire, server))
        return int(server.sockets[0].getsockname()[1])

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(30)

    def call(self, function: Callable[[], object]) -> None:
        """Call the function in the wires' thread and wait until it returns."""

        async def called() -> None:
            function()

        self.run(called())

    def close(self) -> None:
        for wire, server in self._wires:
            self.call(server.close)
            self.run(wire.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()


async def _event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


async def _connect(target: Path | int) -> Streams:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(target)
    return await asyncio.open_connection("127.0.0.1", target)


async def _quietly(copying: Awaitable[None]) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        await copying
