"""What of a server's HTTP is let in."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any, Final, NoReturn, cast

import httpx2
import msgspec

from chat.providers.http.transport import LeftOrigin, OriginTransport
from chat.tools.builtin.fetch.addresses import Address, embedded, parse

# Of one response, after decompression.
RESPONSE_BYTES: Final = 4 * 1024 * 1024
# Of one connection: a server could make the client connect again and again.
REQUESTS: Final = 60
# For telling a server something, such as that it is left.
CLOSE_SECONDS: Final = 2.0

# An administrator may name private addresses, but no MCP server has one of these: link-local ones, such as that of a
# cloud's metadata, others of clouds (Azure, Alibaba, Amazon), multicast, and reserved ones.
_NEVER: Final = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
            *("::/128", "fd00:ec2::254/128", "fe80::/10", "ff00::/8"),
        ),
    )
)

_ELSEWHERE: Final = "it redirects to another address"


class Refused(httpx2.RequestError):
    """Something that is not let in. The message is a sentence about the server."""


class _Message(msgspec.Struct):
    """Of a JSON-RPC message, what tells requests, which have both, from notifications and responses."""

    method: str = ""
    id: int | str | None = None


class Door(httpx2.AsyncBaseTransport):
    """The transport of one connection to one server.

    Requests go only to the origin of its URL and are never repeated. `failure`: why a response was not let in; from
    then on there are no further ones. `status`: of the last response to a message. `told`: set when it was told that a
    call is cancelled; in newer versions of the protocol, closing the connection says that.
    """

    def __init__(self, url: str) -> None:
        self._inner = OriginTransport(url, may_repeat=False, socket_factory=self._socket)
        self._requests = 0
        self.failure = ""
        self.status = 0
        self.is_too_large = False
        self.told = asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "DELETE":
            async with asyncio.timeout(CLOSE_SECONDS):
                return await self._answer(request)
        if request.method == "GET" and "last-event-id" not in request.headers:
            # The stream for what is not about a call. Nothing of that is used.
            return httpx2.Response(405, request=request)
        self._requests += 1
        if self.failure or self._requests > REQUESTS:
            self._fail("it makes the site connect again and again", request)
        message = msgspec.json.decode(request.content, type=_Message) if request.content else _Message()
        if request.method != "POST" or (message.method and message.id is not None):
            return await self._answer(request)
        return await self._notify(request, message)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _notify(self, request: httpx2.Request, message: _Message) -> httpx2.Response:
        """Nothing comes back. Calls wait behind it, so it waits for no server that takes it and says nothing."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                return await self._answer(request)
        except TimeoutError:
            return httpx2.Response(202, request=request)
        finally:
            if message.method == "notifications/cancelled":
                self.told.set()

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except LeftOrigin:
            self._fail(_ELSEWHERE, request)
        except httpx2.RequestError as error:
            self.failure = self.failure or _reason(error)
            raise
        status = response.status_code
        if request.method == "POST":
            # Not a response that is read on, or a session that is left: the call itself was taken by then.
            self.status = status
        if 300 <= status < 400:
            is_near = response.extensions.get("redirect") == "the same server"
            self._fail("it redirects: add or remove the slash at the end" if is_near else _ELSEWHERE, request)
        stream = _Capped(cast(httpx2.AsyncByteStream, response.stream), self, request)
        return httpx2.Response(status, headers=response.headers, stream=stream, request=request)

    def _fail(self, reason: str, request: httpx2.Request) -> NoReturn:
        """Raises Refused."""
        self.failure = self.failure or reason
        raise Refused(self.failure, request=request)

    def refuse_more(self, request: httpx2.Request) -> NoReturn:
        """Raises Refused."""
        self.is_too_large = True
        self._fail(f"its response is larger than {RESPONSE_BYTES // 1024 // 1024} MiB", request)

    def _socket(self, info: Any) -> socket.socket:
        """Raises PermissionError for an address that may not be reached."""
        family, kind, protocol, _, where = info
        address = parse(where[0].partition("%")[0])
        if address is None or not may_be_reached(address):
            self.failure = "its address may not be reached"
            raise PermissionError(errno.EACCES, self.failure)
        return socket.socket(family=family, type=kind, proto=protocol)


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, door: Door, request: httpx2.Request) -> None:
        self._stream = stream
        self._door = door
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > RESPONSE_BYTES:
                self._door.refuse_more(self._request)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def may_be_reached(address: Address) -> bool:
    """Also each IPv4 address within it."""
    every = (address, *embedded(address))
    return not any(each in network for each in every for network in _NEVER if network.version == each.version)


def _reason(error: httpx2.RequestError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "it does not respond in time"
    if isinstance(error, httpx2.ConnectError):
        return "it could not be reached"
    return "the connection to it was lost"
