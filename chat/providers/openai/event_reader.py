"""Parses the bytes of one answer's event stream. Subclasses know what the events say.

Does no I/O: the caller feeds it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final

from chat.providers.base import (
    MAX_ARGUMENT_BYTES,
    Delta,
    ProviderError,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
)
from chat.providers.http import errors, quotes
from chat.providers.http.error_detail import ErrorDetail, is_error
from chat.providers.http.sse_bytes import MAX_EVENT_BYTES, STRAY, EventTooLong, SseBytesDecoder
from chat.providers.openai import chunks
from chat.providers.openai.chunks import NotACompletion
from chat.providers.openai.thoughts import Thoughts
from chat.providers.text import Joiner

# The answer is given up after this many bytes of only comments and empty chunks.
MAX_SILENT_BYTES: Final = 2 * MAX_EVENT_BYTES
_SILENT_SENTENCE: Final = (
    f"The model server sent {MAX_SILENT_BYTES // 2**20} MiB without any text of an answer; the answer was abandoned."
)
_BOM: Final = b"\xef\xbb\xbf"
_SPOKEN: Final = (TextDelta, ReasoningDelta)
# Names of keep-alive events.
_PINGS: Final = frozenset((b"ping", b"heartbeat", b"keepalive", b"keep-alive"))
_ERRORS: Final = frozenset((b"error", b"exception"))
# How much of a response without any event may be quoted.
_HEAD_BYTES: Final = 2048
_HTML_SENTENCE: Final = (
    "The model server sent a web page instead of an answer. The base URL is probably wrong: it usually ends in /v1."
)


class EventReader(ABC):
    """Reads an event stream, or one whole JSON object from a server that does not stream.

    Anything that is neither text nor an event is checked for an error. Thoughts in tags become reasoning
    (thoughts.py). The last delta of a complete answer is Finish. Upstream errors are stored in `failure` and not
    raised, so that deltas from the same bytes are not lost; nothing is read after them.
    secret: what is redacted in quotes from the server.
    `is_over`: the answer is complete, but more may come. `done`: nothing more will come.
    """

    def __init__(self, *, secret: quotes.Secret = "") -> None:
        self._secret = secret
        self.is_over = False
        self.done = False
        self.failure: ProviderError | None = None
        self._events = SseBytesDecoder()
        self._sniffed = False
        self._unsniffed = b""
        self._is_whole = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._silent_bytes = 0
        self._head = b""
        self._has_no_event = True
        self._text = Joiner()
        self._reasoning = Joiner()
        # Neighbours, of texts or of thoughts, that are one delta at last.
        self._pieces: list[str] = []
        self._are_thoughts = False
        self._thoughts = Thoughts()
        # JSON since the last text that is neither an event of an answer nor clearly an error.
        self._remark: Any = None

    @property
    @abstractmethod
    def settled(self) -> bool:
        """Whether the answer is complete as far as it was read: the upstream may end."""

    @abstractmethod
    def _read_event(self, data: bytes, deltas: list[Delta]) -> None:
        """Read the data of one event. Raises ProviderError."""

    @abstractmethod
    def _read_whole(self, body: bytes, deltas: list[Delta]) -> None:
        """Read a whole response that is no stream. Raises ProviderError."""

    @abstractmethod
    def _finish(self, deltas: list[Delta]) -> None:
        """End the answer with Finish. Raises ProviderError for a bad ending."""

    @abstractmethod
    def _progress(self) -> ToolDelta | None:
        """How far the model has come with a call, if it has come further."""

    @abstractmethod
    def _keep_text(self, text: str) -> None:
        """Keep text that will be shown, to be sent back."""

    def feed(self, chunk: bytes) -> list[Delta]:
        """What came since the last call: a text that came in several pieces is one delta."""
        deltas: list[Delta] = []
        try:
            try:
                self._feed(chunk, deltas)
            finally:
                self._join_pieces(deltas)
                if not self.done and (progress := self._progress()) is not None:
                    deltas.append(progress)
            self._count_silence(chunk, deltas)
        except ProviderError as exc:
            self.failure = exc
        return self._thoughts.sort(deltas, is_over=self.failure is not None)

    def close(self) -> list[Delta]:
        """The upstream has ended. `failure` is Incomplete if it never sent a finish reason."""
        deltas: list[Delta] = []
        try:
            self._close(deltas)
        except ProviderError as exc:
            self.failure = exc
        self._join_pieces(deltas)
        return self._thoughts.sort(deltas, is_over=True)

    def _feed(self, chunk: bytes, deltas: list[Delta]) -> None:
        if not self._sniffed:
            chunk = self._sniff(chunk)
        if self._is_whole:
            self._keep(chunk)
            return
        try:
            events = self._events.feed(chunk)
        except EventTooLong as exc:
            raise ProviderError(errors.EVENT_TOO_LONG) from exc
        if self._has_no_event:
            self._head = (self._head + chunk)[:_HEAD_BYTES]
            self._has_no_event = not events
        for event in events:
            self._read(event.name, event.data, deltas)
            if self.done:
                break

    def _count_silence(self, chunk: bytes, deltas: list[Delta]) -> None:
        # Fast path: the first delta nearly always decides.
        if deltas and (type(deltas[0]) in _SPOKEN or any(map(_speaks, deltas))):
            self._silent_bytes = 0
        self._silent_bytes += len(chunk)
        if self._silent_bytes > MAX_SILENT_BYTES and not self.done:
            raise ProviderError(_SILENT_SENTENCE)

    def _close(self, deltas: list[Delta]) -> None:
        if self._is_whole:
            self._read_whole(b"".join(self._body), deltas)
        else:
            self._read_rest(deltas)
        if self.done:
            return
        if not self.settled:
            raise errors.cut_short(self._head, has_event=not self._has_no_event, secret=self._secret)
        self._finish(deltas)

    def _sniff(self, chunk: bytes) -> bytes:
        """The bytes without leading whitespace and byte order mark; empty until the first character has arrived."""
        chunk = (self._unsniffed + chunk).lstrip().removeprefix(_BOM).lstrip()
        if _BOM.startswith(chunk):
            self._unsniffed = chunk
            return b""
        self._sniffed = True
        # Content types are unreliable (text/plain event streams, text/html JSON), but no event stream starts this way.
        if chunk[:1] == b"<":
            raise ProviderError(_HTML_SENTENCE)
        self._is_whole = chunk[:1] in (b"{", b"[")
        return chunk

    def _keep(self, chunk: bytes) -> None:
        self._body.append(chunk)
        self._body_bytes += len(chunk)
        if self._body_bytes > MAX_EVENT_BYTES:
            raise ProviderError(errors.EVENT_TOO_LONG)

    def _read_rest(self, deltas: list[Delta]) -> None:
        """Read what was left when the upstream hung up: an event without its blank line, or half of one."""
        for event in self._events.close():
            try:
                self._read(event.name, event.data, deltas)
            except ProviderError as exc:
                if not isinstance(exc.__cause__, NotACompletion):
                    raise

    def _read(self, name: bytes, data: bytes, deltas: list[Delta]) -> None:
        if data.startswith(b"[DONE]"):
            self._finish(deltas)
        elif name and name.lower() in _ERRORS:
            self._read_error(data)
        elif name == STRAY:
            self._look(data)
        elif name not in _PINGS:
            self._read_event(data, deltas)

    def _read_error(self, data: bytes) -> None:
        try:
            error = chunks.parse(data)
        except NotACompletion:
            error = data.decode("utf-8", "replace")
        raise errors.reported(error, secret=self._secret)

    def _look(self, data: bytes) -> None:
        """Raise the error that this JSON reports. If it is unclear whether it is one, keep it as a remark."""
        try:
            value = chunks.parse(data)
        except NotACompletion:
            return
        if is_error(value):
            raise errors.reported(value, secret=self._secret)
        if isinstance(value, dict) and "choices" not in value and ErrorDetail.of(value).words:
            self._remark = value

    def _close_text(self, deltas: list[Delta]) -> None:
        """Give the text that is still held back."""
        self._join_pieces(deltas)
        if reasoning := self._reasoning.close():
            deltas.append(ReasoningDelta(reasoning))
        if text := self._text.close():
            self._keep_text(text)
            deltas.append(TextDelta(text))

    def _join_pieces(self, deltas: list[Delta]) -> None:
        """All else costs as much for a delta as for a piece of it, and a read brings several."""
        if not self._pieces:
            return
        text, pieces = "".join(self._pieces), len(self._pieces)
        self._pieces.clear()
        if self._are_thoughts:
            if shown := self._reasoning.push(text):
                deltas.append(ReasoningDelta(shown, pieces))
        elif shown := self._text.push(text):
            self._keep_text(shown)
            deltas.append(TextDelta(shown, pieces))


def _speaks(delta: Delta) -> bool:
    """Whether this delta is progress of an answer. Arguments that are too long are not."""
    if isinstance(delta, ToolDelta):
        return delta.characters <= MAX_ARGUMENT_BYTES
    return isinstance(delta, _SPOKEN)
