"""The only writer of a socket: replies, notices and events leave in the order in which they were queued."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from chat.light_event import LightEvent
from chat.protocol.sse import dumps
from chat.protocol.untrusted_input import clean

# The window limits events; this limits replies and notices. A client so far behind is not reading.
HELD_FRAMES: Final = 512
LAST_SECONDS: Final = 2.0


class SocketWriter:
    """`put` never waits; `write` waits for a slow socket, but for nothing else.

    `run` sends queued frames until the socket is gone or the client is HELD_FRAMES behind.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._held: list[str] = []
        self._wake = LightEvent()
        self._sending = False
        self._ended = False

    @property
    def is_idle(self) -> bool:
        """Whether everything queued has been sent."""
        return not (self._held or self._sending)

    def put(self, frame: Mapping[str, Any] | str) -> None:
        """Queue a frame, or the text of one."""
        if len(self._held) >= HELD_FRAMES:
            self._ended = True
        else:
            self._held.append(frame if isinstance(frame, str) else clean(dumps(frame)))
        self._wake.set()

    async def write(self, text: str) -> None:
        """Send the text of a frame: directly, without waking `run`, if no other frame is queued."""
        if self.is_idle and not self._ended:
            await self._send_text(text)
        else:
            self.put(text)

    async def run(self) -> None:
        while not self._ended:
            await self._wake.wait()
            self._wake.clear()
            while self._held and not self._sending and not self._ended:
                await self._send_text(self._held.pop(0))

    async def _send_text(self, text: str) -> None:
        self._sending = True
        try:
            await self._send({"type": "websocket.send", "text": text})
        except Exception:  # noqa: BLE001  (each server raises a different class for a closing socket)
            self._ended = True
            self._wake.set()
        finally:
            self._sending = False
            if self._held:
                self._wake.set()

    async def last(self, frame: Mapping[str, Any], code: int) -> None:
        """Send one more frame, then close. A stalled client delays each by at most LAST_SECONDS."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._send({"type": "websocket.send", "text": dumps(frame)})
        except Exception:  # noqa: BLE001  (gone or stalled: close either way)
            self._held.clear()
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._send({"type": "websocket.close", "code": code})
        except Exception:  # noqa: BLE001
            self._held.clear()
