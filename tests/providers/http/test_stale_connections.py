"""A server may close a kept-alive connection without notice while the next request is on its way."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import pytest
from aiohttp.http_writer import StreamWriter

from chat.providers.base import Finish, ProviderError, ProviderUnavailable, TextDelta
from chat.providers.openai.chat import OpenAIProvider
from tests.providers.contract import answer, ask
from tests.providers.raw_server import answer_of, response

HELLO: Final = [TextDelta("Hello"), Finish("stop")]
REFUSAL: Final = b'{"error": {"message": "Unknown field: stream_options", "param": "stream_options"}}'
RESET: Final = struct.pack("ii", 1, 0)


def kept_open(body: bytes, status: str = "200 OK") -> bytes:
    return response(body, status=status).replace(b"Connection: close\r\n", b"")


class DroppingServer:
    """Answers the first `answered` requests of each connection, and hangs up on the next.

    It sends `last` before it hangs up. `reset`: with a TCP reset. `connections`: the requests of each connection, in
    the order in which they were opened.
    """

    def __init__(self, *, answered: int = 1, last: bytes = b"", reset: bool = False) -> None:
        self.connections: list[list[bytes]] = []
        self._answered = answered
        self._last = last
        self._reset = reset

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[bytes] = []
        self.connections.append(requests)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await self._request(reader)
                requests.append(request)
                if len(requests) > self._answered:
                    break
                writer.write(self._response(request))
                await writer.drain()
            writer.write(self._last)
            await writer.drain()
            if self._reset:
                found: socket.socket = writer.get_extra_info("socket")
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length))

    def _response(self, request: bytes) -> bytes:
        if "stream_options" in json.loads(request):
            return kept_open(REFUSAL, "400 Bad Request")
        return kept_open(answer_of("Hello"))


async def asked(server: DroppingServer, times: int = 1) -> list[object]:
    """The deltas, or the error, of each answer."""
    provider = OpenAIProvider(base_url=server.base_url, api_key="")
    said: list[object] = []
    try:
        async with asyncio.timeout(60):
            for _ in range(times):
                try:
                    said.append(await answer(provider, ask("Hi")))
                except ProviderError as error:
                    said.append(error)
    finally:
        await provider.close()
    return said


@pytest.mark.parametrize("reset", [False, True])
async def test_a_request_is_resent_on_a_new_connection(reset: bool) -> None:
    """Both the adapted request after a refusal and the next request of a conversation."""
    async with DroppingServer(reset=reset) as server:
        assert await asked(server, times=2) == [HELLO, HELLO]

        (refused, adapted), (again,), *_ = server.connections
        assert "stream_options" in json.loads(refused)
        assert adapted == again


async def test_a_connection_closed_while_sending_counts_as_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiohttp raises this in its own writer, without an error from the operating system."""
    written = StreamWriter.write
    closed: list[bytes] = []

    async def write(self: StreamWriter, chunk: Any, *more: Any, **options: Any) -> None:
        if b"stream_options" not in bytes(chunk) and not closed:
            closed.append(bytes(chunk))
            assert self.transport is not None
            self.transport.close()
        await written(self, chunk, *more, **options)

    monkeypatch.setattr(StreamWriter, "write", write)
    async with DroppingServer(answered=9) as server:
        assert await asked(server) == [HELLO]
        assert [len(requests) for requests in server.connections] == [1, 1]
    assert closed


async def test_control_a_server_that_stays_open_needs_one_connection() -> None:
    async with DroppingServer(answered=9) as server:
        assert await asked(server, times=2) == [HELLO, HELLO]
        assert len(server.connections) == 1


@pytest.mark.parametrize("reset", [False, True])
async def test_a_request_lost_on_a_new_connection_is_not_resent(reset: bool) -> None:
    """The server may have processed the request: nothing shows that it had already closed the connection."""
    async with DroppingServer(answered=0, reset=reset) as server:
        (error,) = await asked(server)

        assert isinstance(error, ProviderUnavailable)
        assert [len(requests) for requests in server.connections] == [1]


@pytest.mark.parametrize("last", [b"H", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nContent-Type: text/ev"])
async def test_a_partly_answered_request_is_not_resent(last: bytes) -> None:
    async with DroppingServer(last=last) as server:
        (error,) = await asked(server)

        assert isinstance(error, ProviderUnavailable)
        assert [len(requests) for requests in server.connections] == [2]


async def test_a_request_is_resent_only_once() -> None:
    """If the new connection is lost too, the answer fails."""

    class Leaving(DroppingServer):
        def _response(self, request: bytes) -> bytes:
            self._answered = 0
            return super()._response(request)

    async with Leaving() as server:
        (error,) = await asked(server)

        assert isinstance(error, ProviderUnavailable)
        assert [len(requests) for requests in server.connections] == [2, 1]
