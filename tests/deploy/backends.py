"""Servers that show what nginx makes of a request, and a DNS server with their addresses."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Backend:
    """Responds to every request with its headers, and to `/drop` by closing the connection."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port
        self.asked: list[str] = []
        self._runner = web.ServerRunner(web.Server(self._answer))

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, self.port).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        if request.path == "/drop":
            assert request.transport is not None
            request.transport.abort()
        body = {"server": self.address, "headers": [[name.lower(), value] for name, value in request.headers.items()]}
        status = 404 if request.path == f"/static/not-on-{self.address}" else 200
        age = "max-age=31536000, public, immutable" if "hash" in request.path else "max-age=0, public"
        return web.json_response(body, status=status, headers={"Cache-Control": age, "Vary": "Accept-Encoding"})


@asynccontextmanager
async def backend(address: str, port: int) -> AsyncIterator[Backend]:
    server = Backend(address, port)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Names(asyncio.DatagramProtocol):
    """A DNS server: every name resolves to these addresses."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        end = data.index(b"\0", 12) + 5
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(self.addresses), 0, 0)
        answers = [
            b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address) for address in self.addresses
        ]
        self._transport.sendto(b"".join([head, data[12:end], *answers]), addr)


@asynccontextmanager
async def names() -> AsyncIterator[tuple[Names, int]]:
    """Run a DNS server; yield it and its port."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Names, ("127.0.0.1", 0))
    try:
        yield protocol, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
