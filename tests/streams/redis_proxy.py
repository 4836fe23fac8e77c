"""A proxy between one process and Redis: it loses replies or publications, or is down for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CHUNK = 256 * 1024
PUBLICATION = b"*3\r\n$7\r\nmessage\r\n"


class RedisProxy:
    """`deaf`: publications are dropped. `losing`: the next reply is lost, and its connection with it.

    `away`: connections break, including new ones. `mute`: connections that exist or are opened meanwhile stay open and
    are never answered again, as if the machine had vanished.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.url = f"unix://{path}"
        self.deaf = False
        self.losing = False
        self.lost = 0
        self._away = False
        self._mute = False
        self._muted: set[asyncio.StreamWriter] = set()
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def away(self) -> bool:
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        for writer in self._writers if away else ():
            writer.transport.abort()

    @property
    def mute(self) -> bool:
        return self._mute

    @mute.setter
    def mute(self, mute: bool) -> None:
        self._mute = mute
        self._muted |= self._writers if mute else set()

    async def muted(self) -> None:
        """Wait until there is a muted connection."""
        while not self._muted:
            await asyncio.sleep(0.01)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        self._writers |= {writer, far_writer}
        self._muted |= {writer, far_writer} if self._mute else set()
        if self._away:
            self.away = True
        copies = [
            asyncio.create_task(self._up(reader, far_writer)),
            asyncio.create_task(self._down(far_reader, writer)),
        ]
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        self._writers -= {writer, far_writer}
        self._muted -= {writer, far_writer}
        for each in (writer, far_writer):
            each.transport.abort()
        await asyncio.gather(writer.wait_closed(), far_writer.wait_closed(), return_exceptions=True)

    async def close(self) -> None:
        """Break the connections. Tasks are not cancelled: one cancelled while connecting would leave a socket open."""
        self.away = True
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if writer in self._muted:
                    continue
                published = data.startswith(PUBLICATION)
                if published and self.deaf:
                    self.lost += 1
                elif self.losing and not published:
                    self.losing = False
                    self.lost += 1
                    return
                else:
                    writer.write(data)
                    await writer.drain()


@asynccontextmanager
async def redis_proxy(target: Path) -> AsyncIterator[RedisProxy]:
    """A proxy in front of the Redis on this socket."""
    path = target.with_name("proxy.sock")
    made = RedisProxy(path, target)
    server = await asyncio.start_unix_server(made.accept, path)
    try:
        yield made
    finally:
        server.close()
        await made.close()
        path.unlink(missing_ok=True)
