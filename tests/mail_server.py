"""A mail server that keeps the messages it receives."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self


class MailServer:
    """Accepts mail on 127.0.0.1 while its `with` block is open (as much of RFC 5321 as smtplib needs)."""

    def __init__(self) -> None:
        self._letters: asyncio.Queue[EmailMessage] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        self.url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def letter(self) -> EmailMessage:
        """The next message to arrive."""
        async with asyncio.timeout(30):
            return await self._letters.get()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            if command == b"DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                self._letters.put_nowait(message_from_bytes(text[:-5], policy=policy.default))  # type: ignore[arg-type]
            writer.write(b"221 bye\r\n" if command == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
        writer.close()
