"""The network connection behind a response."""

from __future__ import annotations

import asyncio

import httpx2
from aiohttp import ClientResponse


class Connection:
    """Pauses and resumes the reading of a response from the network; its bytes wait in the system's buffer meanwhile.

    The transport leaves aiohttp's response with it (transport.py). Where it is not found, nothing is paused; nor where
    the bytes are compressed, and may say nothing before more of them have come.
    """

    def __init__(self, response: httpx2.Response) -> None:
        found = response.extensions.get("aiohttp_response")
        self._response = found if isinstance(found, ClientResponse) else None

    def pause(self) -> None:
        if transport := self._transport():
            transport.pause_reading()

    def look(self) -> None:
        """Take what has come since the pause; resumes if that is nothing.

        Asyncio's own TCP transport can be asked for it at once. Of any other the event loop has to be asked first.
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
        # A response that has been read to its end has given its connection away: the next one reads from it.
        connection = self._response.connection if self._response is not None else None
        transport = connection.transport if connection is not None else None
        return transport if isinstance(transport, asyncio.Transport) else None
