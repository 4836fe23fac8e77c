"""Pausing reaches the connection beneath the openai package, whatever layers lie in between."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest

from chat.providers.http.connection import Connection
from chat.providers.http.transport import OriginTransport
from tests.fake_openai import FakeOpenAI
from tests.providers.raw_server import RawServer


@pytest.fixture
async def client(server: FakeOpenAI) -> AsyncIterator[openai.AsyncOpenAI]:
    http = httpx2.AsyncClient(transport=OriginTransport(server.base_url), trust_env=False)
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", http_client=http) as client:
        yield client


async def test_a_response_is_paused_and_resumed(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(
        model="fake-small", messages=[{"role": "user", "content": "/numbered count=100000 rate=200"}], stream=True
    ) as response:
        connection = Connection(response.http_response)
        transport = connection._transport()
        assert transport is not None
        assert transport.is_reading()

        connection.pause()
        connection.pause()
        assert not transport.is_reading()

        connection.resume()
        assert transport.is_reading()


async def test_data_received_while_paused_is_read_first(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(
        model="fake-small", messages=[{"role": "user", "content": "/hold after=2 count=3"}], stream=True
    ) as response:
        connection = Connection(response.http_response)
        transport = connection._transport()
        assert transport is not None
        body = response.http_response.aiter_bytes()
        taken = await anext(body)
        while taken.count(b'"content"') < 2:
            connection.pause()
            connection.look()
            taken += await anext(body)

        # The model is silent from here on.
        connection.pause()
        connection.look()
        assert transport.is_reading()
        await body.aclose()


async def test_a_released_connection_is_left_alone(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.with_streaming_response.create(
        model="fake-small", messages=[{"role": "user", "content": "hello"}], stream=True
    ) as response:
        connection = Connection(response.http_response)
        async for _ in response.http_response.aiter_bytes():
            pass
        connection.pause()

    models = await client.models.list()
    assert models.data


async def test_a_response_that_ends_while_paused_is_released_resumed(
    client: openai.AsyncOpenAI, server: FakeOpenAI
) -> None:
    async with client.chat.completions.with_streaming_response.create(
        model="fake-small", messages=[{"role": "user", "content": "/hold after=2 count=3"}], stream=True
    ) as response:
        connection = Connection(response.http_response)
        transport = connection._transport()
        assert transport is not None
        body = response.http_response.aiter_bytes()
        taken = await anext(body)
        while taken.count(b'"content"') < 2:
            taken += await anext(body)
        connection.pause()
        server.release()
        received = transport.get_extra_info("socket")._sock
        async with asyncio.timeout(20):
            while not _peek(received).endswith(b"0\r\n\r\n"):
                await asyncio.sleep(0.01)

        connection.look()
        async for _ in body:
            pass
        assert transport.is_reading()

    async with asyncio.timeout(20):
        assert (await client.models.list()).data


def _peek(received: socket.socket) -> bytes:
    try:
        return received.recv(65536, socket.MSG_PEEK)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize(("coding", "is_paused"), [("gzip", False), ("identity", True)])
async def test_a_compressed_response_is_not_paused(coding: str, is_paused: bool) -> None:
    """Compressed bytes may be undecodable until more arrive."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 100\r\n\r\n".encode()
    async with RawServer(lambda _: [head, None]) as server, OriginTransport(server.base_url) as transport:
        opened = await transport.handle_async_request(httpx2.Request("GET", server.base_url))
        assert (Connection(opened)._transport() is not None) is is_paused
        await opened.aclose()


def test_without_a_transport_nothing_is_paused() -> None:
    connection = Connection(httpx2.Response(200, content=b"whole"))

    connection.pause()
    connection.resume()
