"""A local web: pages, host names, and a record of every connection."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

# Returns what a server sends for a request.
Play = Callable[[bytes], bytes]

_watchers: Final[list[list[Any]]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _watchers:
        for watcher in _watchers:
            watcher.append(arguments[1])


sys.addaudithook(_audit)


@contextmanager
def connections() -> Iterator[list[Any]]:
    """The addresses to which any code in this process connects meanwhile."""
    watcher: list[Any] = []
    _watchers.append(watcher)
    try:
        yield watcher
    finally:
        _watchers.remove(watcher)


class Site:
    """A server. `requests`: the first line of each request. `stays`: it keeps connections open until the client closes
    them, and then sets `left`. `asked`: set after the first request."""

    def __init__(self, play: Play, *, stays: bool) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self._stays = stays
        self.requests: list[str] = []
        self.heads: list[bytes] = []
        self.port = 0
        self._play = play
        self._tasks: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # An aborted transport closes in the next loop iteration.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            self.requests.append(head.split(b"\r\n")[0].decode())
            self.asked.set()
            writer.write(self._play(head))
            await writer.drain()
            if self._stays:
                await reader.read()
                self.left.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            try:
                with suppress(ConnectionError):
                    await writer.wait_closed()
            finally:
                writer.transport.abort()


@asynccontextmanager
async def site(play: Play, host: str = "127.0.0.1", port: int = 0, *, stays: bool = False) -> AsyncIterator[Site]:
    served = Site(play, stays=stays)
    async with await asyncio.start_server(served._serve, host, port) as server:
        served.port = server.sockets[0].getsockname()[1]
        try:
            yield served
        finally:
            await served.end()


def page(body: str | bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK", more: str = "") -> bytes:
    body = body if isinstance(body, bytes) else body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def redirect(target: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


class Names(AbstractResolver):
    """Resolves the given names: each lookup returns the next answer for the name, and the last answer repeats. Numeric
    addresses in any notation are resolved by the system, as for any program."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): list(each) for name, each in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self._answers.get(host.rstrip("."))
        if answers is None:
            found = [each[4][0] for each in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]
        else:
            found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=str(each),
                port=port,
                family=socket.AF_INET6 if ":" in str(each) else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for each in dict.fromkeys(found)
        ]

    async def close(self) -> None: ...
