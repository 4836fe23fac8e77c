"""Server-Sent Events: encoding, and an incremental decoder.

Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chat.protocol.events import typed

RETRY_MS: Final = 1000


def encode(name: str, data: Mapping[str, Any], *, id: str | None = None) -> bytes:
    """One event: `event:`, one `data:` line of JSON, `id:`, a blank line.

    JSON text never contains a raw line break, so one data line is always enough. The id comes last: some clients store
    it as soon as they read its line, and would resume after an event whose data was cut off.
    """
    return framed(name, dumps(typed(name, data)).encode(), id=id)


def framed(name: str, json: bytes, *, id: str | None = None) -> bytes:
    """Like `encode`, for data that is already JSON and has its `type`."""
    tail = b"id: %b\n" % id.encode() if id is not None else b""
    return b"event: %b\ndata: %b\n%b\n" % (name.encode(), json, tail)


def ping(heartbeat: float, *, retry_ms: int | None = None, id: str | None = None) -> bytes:
    """A heartbeat event. `heartbeat`: the longest silence to expect on this stream, in seconds.

    `id`: the client's current cursor, because some clients forget it after an event without an id.
    `retry_ms`: how long a client waits before it reconnects. It is not sent in a block of its own: several clients
    dispatch a block without data as an event, and their callers then parse the empty data as JSON.
    """
    head = b"" if retry_ms is None else b"retry: %d\n" % retry_ms
    return head + encode("ping", {"heartbeat": heartbeat}, id=id)


def dumps(data: Any) -> str:
    """Compact JSON with unescaped non-ASCII. Raises ValueError for NaN and infinities, which are not valid JSON."""
    return _encoder.encode(data)


_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded event. `id` is the last id in the stream so far, which may belong to an earlier event."""

    event: str
    data: str
    id: str | None


class DecoderOverflow(ValueError):
    """A line or an event is longer than the decoder's limit."""


class Decoder:
    """Bytes in, events out; the bytes may be split anywhere.

    An event without its closing blank line at the end of the stream is dropped, as the specification says.
    """

    def __init__(self, *, limit: int = 16 * 1024 * 1024) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._limit = limit
        self._first = True
        self._after_cr = False
        self._line: list[str] = []
        self._pending = 0
        self._held = 0
        self._data: list[str] = []
        self._event = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> Iterator[Message]:
        text = self._utf8.decode(chunk)
        if not text:
            return
        if self._first:
            self._first = False
            text = text.removeprefix("\ufeff")
        if self._after_cr and text.startswith("\n"):
            text = text[1:]
        self._after_cr = text.endswith("\r")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines[:-1]:
            self._line.append(line)
            self._pending = 0
            message = self._end_of_line("".join(self._line))
            self._line.clear()
            if message is not None:
                yield message
        if lines[-1]:
            self._line.append(lines[-1])
        self._pending += len(lines[-1])
        if self._pending + self._held > self._limit:
            raise DecoderOverflow(f"An event of more than {self._limit} characters.")

    def _end_of_line(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            return None
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._held += len(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> Message | None:
        data, self._data = self._data, []
        event, self._event = self._event, ""
        self._held = 0
        if not data:
            return None
        return Message(event or "message", "\n".join(data), self._id)
