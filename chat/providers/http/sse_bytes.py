"""A fast decoder for providers' server-sent events: bytes in, payloads out.

Unlike the general decoder in `chat.protocol.sse`, it never decodes the bytes, because the JSON parser takes bytes, and
it keeps a last event that the server did not end with a blank line.
Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024
# The name given to JSON that a server writes between its events. No real event can have this name.
STRAY: Final = b"\n"
_JSON: Final = (b"{", b"[")
_BOM: Final = b"\xef\xbb\xbf"


class Payload(NamedTuple):
    """One event: its name (empty if it has none) and its joined data lines."""

    name: bytes
    data: bytes


class EventTooLong(ValueError):
    """A line or an event exceeds the limit. Nothing after it can be trusted."""


class SseBytesDecoder:
    """Bytes in, events out; the bytes may be split anywhere. Comments, `id` and `retry` are ignored.

    As specified, an event without data is ignored. In addition, two ways in which servers report errors are supported:
    a field `error` becomes an event of that name, and JSON outside of any field becomes one named STRAY.

    limit: the maximum size of one event in bytes, complete or not.
    """

    def __init__(self, *, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._stray: list[bytes] = []
        self._name = b""
        self._held = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Payload]:
        """The events completed by this chunk. Raises EventTooLong."""
        if b"\r" in chunk or self._after_cr:
            chunk = self._with_line_feeds(chunk)
        lines = chunk.split(b"\n")
        rest = lines.pop()
        events: list[Payload] = []
        if lines and self._line:
            self._line.append(lines[0])
            lines[0] = b"".join(self._line)
            self._line.clear()
        for line in lines:
            if line[:6] == b"data: " and not self._at_start:
                # As `_take`: nearly every line is one.
                self._data.append(line[6:])
            elif line:
                self._take(line)
            elif self._data or self._stray:
                self._end(events)
            else:
                self._name = b""
        if lines:
            self._held = sum(map(len, self._data)) if self._data else 0
            if self._stray:
                self._held += sum(map(len, self._stray))
        if rest:
            self._line.append(rest)
            self._held += len(rest)
        if self._held > self._limit:
            raise EventTooLong(f"an event of more than {self._limit} bytes")
        return events

    def close(self) -> list[Payload]:
        """The incomplete event at the end of the stream, if any. It may be cut off in the middle."""
        line, self._line = b"".join(self._line), []
        if line:
            self._take(line)
        events: list[Payload] = []
        self._end(events)
        return events

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value[1:] if value[:1] == b" " else value)
        elif field == b"event":
            self._name = value[1:] if value[:1] == b" " else value
        elif self._stray or line[:1] in _JSON:
            self._stray.append(line)
        elif field == b"error":
            self._name = b"error"
            self._data.append(value)

    def _end(self, events: list[Payload]) -> None:
        if self._stray:
            events.append(Payload(STRAY, b"\n".join(self._stray)))
            self._stray = []
        data, self._data = self._data, []
        joined = data[0] if len(data) == 1 else b"\n".join(data)
        if joined and not joined.isspace():
            events.append(Payload(self._name, joined))
        self._name = b""
