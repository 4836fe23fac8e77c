"""Readers of answers, as cheap as they can be while they keep the protocol: many of them share one core."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import struct
from typing import Any, Final

from bench import stamps

# As the site's own page does it (static/js/client/acks.js): the newest frame, at most once in this time; in the longer
# one while it is only a few frames.
ACK_SECONDS: Final = 0.05
FEW_FRAMES: Final = 6
ACK_FEW_SECONDS: Final = 0.5
_SSE_TOKEN: Final = re.compile(rb'event: token\r?\ndata: \{(?:"type": ?"token", ?)?"text": ?"([^"]*)"')
_WS_TOKEN: Final = re.compile(rb'"event":"token","data":\{(?:"type":"token",)?"text":"([^"]*)"')
_FRAME: Final = re.compile(rb'\{"type":"events","frame":(\d+)')
_MASK: Final = b"\x5a\xc3\x3c\xa5"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Tally:
    """What the readers of one load receive while `is_open`. Delays are in ticks of `bench.stamps`."""

    def __init__(self) -> None:
        self.is_open = False
        self.clear()

    def clear(self) -> None:
        self.tokens = 0
        self.bytes = 0
        self.pieces = 0
        self.delays: list[int] = []


class ReaderFailed(Exception):
    """The server refused, closed or reported an error. The message shows what it sent."""


class Reader(asyncio.Protocol):
    """One message and its answer. `begun` and `ended` are the times (ticks) of the first token and of the end."""

    def __init__(self, tally: Tally) -> None:
        loop = asyncio.get_running_loop()
        self.tally = tally
        self.begun: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.received = 0
        self.sent = 0
        self.text_bytes = 0
        # When the model wrote the first token.
        self.asked = 0
        self._rest = b""
        self._text = b""
        self._is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_closed:
            self._fail(f"the connection was closed ({exc})")

    def close(self) -> None:
        """Gone, whatever is still on its way. Nobody waits for the rest any more."""
        self._is_closed = True
        for future in (self.begun, self.ended):
            future.cancel()
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        self.sent += len(data)
        self._transport.write(data)

    def _take(self, text: bytes, pieces: int) -> None:
        """Some more of the answer."""
        now = stamps.now()
        self.text_bytes += len(text)
        if self._text:
            text = self._text + text
        whole = len(text) - len(text) % stamps.TOKEN_BYTES
        self._text = text[whole:]
        if not self.begun.done() and whole:
            self.asked = now - stamps.delays(text[: stamps.TOKEN_BYTES], now)[0]
            self.begun.set_result(now)
        tally = self.tally
        if tally.is_open:
            tally.tokens += whole // stamps.TOKEN_BYTES
            tally.pieces += pieces
            tally.delays += stamps.delays(text[:whole], now)

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(stamps.now())

    def _fail(self, reason: str) -> None:
        self._is_closed = True
        for future in (self.begun, self.ended):
            if not future.done():
                future.set_exception(ReaderFailed(reason))
                # Whoever waits for one of them is told; the other may have nobody.
                future.exception()


class SseReader(Reader):
    """POSTs a message and reads the response, an event stream in chunks."""

    def __init__(self, tally: Tally, path: str, prompt: str, token: str = "") -> None:
        super().__init__(tally)
        body = json.dumps({"text": prompt}).encode()
        sign_in = f"Authorization: Bearer {token}\r\n" if token else ""
        self._request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{sign_in}Content-Type: application/json\r\n"
            f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._has_status = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._write(self._request)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.tally.is_open:
            self.tally.bytes += len(data)
        if not self._has_status:
            self._has_status = True
            if not data.startswith(b"HTTP/1.1 200 "):
                self._fail(data[:500].decode("utf-8", "replace"))
                return
        data = self._rest + data
        # Only whole events: chunks hold whole events, but a read may end anywhere.
        end = max(data.rfind(b"\n\n"), data.rfind(b"\r\n\r\n"))
        if end < 0:
            self._rest = data
            return
        self._rest = data[end:]
        whole = data[:end]
        texts = _SSE_TOKEN.findall(whole)
        if texts:
            self._take(b"".join(texts), len(texts))
        if b"event: done" in whole:
            self._end()
        elif b"event: error" in whole:
            self._fail(whole[whole.find(b"event: error") :][:500].decode("utf-8", "replace"))


class SocketReader(Reader):
    """Opens a WebSocket, sends a message on it if told to, and acknowledges what it receives."""

    def __init__(self, tally: Tally, prompt: str, token: str) -> None:
        super().__init__(tally)
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._prompt = prompt
        self._token = token
        self._is_upgraded = False
        self.greeted: asyncio.Future[None] = loop.create_future()
        self._frame = 0
        self._acknowledged = 0
        self._acknowledged_at = 0.0
        self._ack: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._write(
            (
                "GET /ws/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat.v1\r\n"
                f"Authorization: Bearer {self._token}\r\n\r\n"
            ).encode()
        )

    def close(self) -> None:
        if self._ack is not None:
            self._ack.cancel()
        self.greeted.cancel()
        super().close()

    def forget(self) -> None:
        """Ready for another message, after the answer has ended."""
        self.begun, self.ended = self._loop.create_future(), self._loop.create_future()
        self._text = b""

    def send(self) -> None:
        message = {"type": "send", "ref": 1, "text": self._prompt}
        self._put(_TEXT, json.dumps(message).encode())

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.tally.is_open:
            self.tally.bytes += len(data)
        data = self._rest + data
        if not self._is_upgraded:
            head, blank, data = data.partition(b"\r\n\r\n")
            if not blank:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self._fail(head[:500].decode("utf-8", "replace"))
                return
            self._is_upgraded = True
        at = 0
        texts: list[bytes] = []
        while (frame := _frame(data, at)) is not None:
            code, begin, at = frame
            self._take_frame(code, data[begin:at], texts)
        self._rest = data[at:]
        if texts:
            self._take(b"".join(texts), len(texts))

    def _take_frame(self, code: int, payload: bytes, texts: list[bytes]) -> None:
        if code == _PING:
            self._put(_PONG, payload)
        elif code == _CLOSE:
            self._fail(f"the socket was closed: {payload!r}")
        elif events := _FRAME.match(payload):
            texts += _WS_TOKEN.findall(payload)
            self._acknowledge(int(events[1]))
            if b'"event":"done"' in payload:
                self._end()
            elif b'"event":"error"' in payload:
                self._fail(payload.decode("utf-8", "replace"))
        elif payload.startswith(b'{"type":"hello"'):
            self.greeted.set_result(None)
        elif payload.startswith((b'{"type":"error"', b'{"type":"bye"')):
            self._fail(payload.decode("utf-8", "replace"))

    def _fail(self, reason: str) -> None:
        super()._fail(reason)
        if not self.greeted.done():
            self.greeted.set_exception(ReaderFailed(reason))

    def _acknowledge(self, frame: int) -> None:
        self._frame = frame
        due = self._acknowledged_at + (ACK_SECONDS if frame - self._acknowledged > FEW_FRAMES else ACK_FEW_SECONDS)
        if self._ack is not None:
            if due >= self._ack.when():
                return
            self._ack.cancel()
        if due > self._loop.time():
            self._ack = self._loop.call_at(due, self._send_ack)
        else:
            self._send_ack()

    def _send_ack(self) -> None:
        self._ack = None
        self._acknowledged = self._frame
        self._acknowledged_at = self._loop.time()
        self._put(_TEXT, b'{"type":"ack","frame":%d}' % self._frame)

    def _put(self, code: int, payload: bytes) -> None:
        size = len(payload)
        head = (
            struct.pack("!BB", 0x80 | code, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | code, 254, size)
        )
        pad = (_MASK * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        self._write(head + _MASK + masked)


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Opcode, begin and end of the payload of the frame that begins at `at`; None if it is not whole yet."""
    if len(data) < at + 2:
        return None
    size, begin = data[at + 1], at + 2
    if size == 126:
        begin += 2
        if len(data) < begin:
            return None
        size = int.from_bytes(data[at + 2 : begin], "big")
    elif size == 127:
        begin += 8
        if len(data) < begin:
            return None
        size = int.from_bytes(data[at + 2 : begin], "big")
    end = begin + size
    return (data[at] & 0x0F, begin, end) if len(data) >= end else None
