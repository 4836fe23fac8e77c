"""The network connection behind a response."""

from __future__ import annotations

import asyncio

import httpx2
from aiohttp import ClientResponse


class Connection:
    """Pauses and resumes reading a response from the network. Meanwhile its bytes stay in the kernel's buffer.

    It uses the aiohttp response that the transport attaches (transport.py). Without that, nothing is paused; nor if
    the response is compressed, because such bytes may be undecodable until more arrive.
    """

    def __init__(self, response: httpx2.Response) -> None:
        found = response.extensions.get("aiohttp_response")
        self._response = found if isinstance(found, ClientResponse) else None

    def pause(self) -> None:
        if transport := self._transport():
            transport.pause_reading()

    def look(self) -> None:
        """Read what has arrived since the pause, or resume if nothing has.

        asyncio's own TCP transport can be read immediately. Any other has to go through the event loop.
        """
        transport = self._transport()
        if transport is None or self._response is None:
            return
        read = getattr(transport, "_read_ready", None)
        if read is not None and not transport.is_closing():
            content = self._response.content
            before = content.total_bytes
            read()
            if content.total_bytes != before:
                return
        self.resume()

    def resume(self) -> None:
        if transport := self._transport():
            transport.resume_reading()

    def _transport(self) -> asyncio.Transport | None:
        # A fully read response has released its connection to the pool, where another response may use it.
        connection = self._response.connection if self._response is not None else None
        transport = connection.transport if connection is not None else None
        return transport if isinstance(transport, asyncio.Transport) else None
