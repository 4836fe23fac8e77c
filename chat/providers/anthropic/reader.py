"""Parses the bytes of one message into deltas. Does no I/O: the caller feeds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chat.providers.anthropic import blocks, events
from chat.providers.anthropic.blocks import Block, Blocks
from chat.providers.anthropic.errors import reported
from chat.providers.anthropic.events import Delta as Change
from chat.providers.anthropic.events import Event, Usage
from chat.providers.anthropic.usage import TokenCount
from chat.providers.base import (
    Delta,
    Finish,
    FinishReason,
    OutputItems,
    ProviderError,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
)
from chat.providers.http import errors, quotes, untrusted_json
from chat.providers.http.error_detail import is_error
from chat.providers.http.sse_bytes import STRAY, EventTooLong, Payload, SseBytesDecoder
from chat.providers.text import Joiner

# Thrice the longest answer of any model, sent in the smallest pieces.
MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_SENTENCE: Final = (
    f"The model server sent more than {MAX_BYTES // 2**20} MiB for one answer; the answer was abandoned."
)
_HTML_SENTENCE: Final = "The model server sent a web page instead of an answer. The base URL is probably wrong."
# How often in a row a server may pause its own tools.
MAX_PAUSES: Final = 10
_PAUSE: Final = "pause_turn"
# https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
_FINISHES: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    _PAUSE: "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
# How much of a response without any event may be quoted.
_HEAD_BYTES: Final = 2048
_BETWEEN_THOUGHTS: Final = "\n\n"


class MessageReader:
    """Reads the event stream of one message, or a whole message from a server that does not stream.

    A `Reader` (chat.providers.http.answer_stream); the last delta of a complete answer is Finish. secret: redacted
    in quotes from the server. offers_tools: whether the model may call any. are_off: the tools were switched
    off, which a model may ignore: its calls are dropped if there is a text, and an error otherwise.
    `is_paused`: the server has stopped to be asked to go on: `items` are to be sent back, and the answer continues in
    `continued()`.
    """

    def __init__(self, *, secret: quotes.Secret = "", offers_tools: bool = False, are_off: bool = False) -> None:
        self.is_over = False
        self.done = False
        self.failure: ProviderError | None = None
        self.is_paused = False
        # Of the messages before the last pause.
        self.items: tuple[dict[str, Any], ...] = ()
        self._pauses = 0
        self._secret = secret
        self._offers_tools = offers_tools
        self._are_off = are_off
        self._events = SseBytesDecoder()
        self._bytes = 0
        self._head = b""
        self._has_event = False
        self._blocks = Blocks()
        self._stop_reason: str | None = None
        self._tokens = TokenCount()
        self._text = Joiner()
        self._reasoning = Joiner()
        # Neighbours, of texts or of thoughts, that are one delta at last.
        self._pieces: list[str] = []
        self._are_thoughts = False
        self._has_thought = False
        self._has_text = False
        # The call whose arguments are just being written.
        self._calling: Block | None = None

    @property
    def settled(self) -> bool:
        return self._stop_reason is not None or self.done

    def continued(self) -> MessageReader:
        """The reader of the message that continues this one after a pause."""
        reader = MessageReader(secret=self._secret, offers_tools=self._offers_tools, are_off=self._are_off)
        reader.items, reader._pauses = self.items, self._pauses + 1
        reader._tokens, reader._has_thought = TokenCount(self._tokens.total), self._has_thought
        reader._has_text = self._has_text
        return reader

    def feed(self, chunk: bytes) -> list[Delta]:
        """What came since the last call: a text that came in several pieces is one delta."""
        deltas: list[Delta] = []
        try:
            self._feed(chunk, deltas)
        except ProviderError as exc:
            self.failure = exc
        self._flush(deltas)
        return deltas

    def close(self) -> list[Delta]:
        """The upstream has ended. `failure` is Incomplete if it never sent a stop reason."""
        deltas: list[Delta] = []
        try:
            self._close(deltas)
        except ProviderError as exc:
            self.failure = exc
        self._flush(deltas)
        return deltas

    def _feed(self, chunk: bytes, deltas: list[Delta]) -> None:
        self._bytes += len(chunk)
        if self._bytes > MAX_BYTES:
            raise ProviderError(_MAX_SENTENCE)
        try:
            found = self._events.feed(chunk)
        except EventTooLong as exc:
            raise ProviderError(errors.EVENT_TOO_LONG) from exc
        if not self._has_event:
            self._look_at_head(chunk, found)
        for event in found:
            self._read(event.name, event.data, deltas)
            if self.done:
                break

    def _look_at_head(self, chunk: bytes, found: list[Payload]) -> None:
        self._has_event = bool(found)
        if len(self._head) < _HEAD_BYTES:
            self._head = (self._head + chunk)[:_HEAD_BYTES]
            # Content types are unreliable, but no event stream starts this way.
            if self._head.lstrip()[:1] == b"<":
                raise ProviderError(_HTML_SENTENCE)

    def _close(self, deltas: list[Delta]) -> None:
        for event in self._events.close():
            try:
                self._read(event.name, event.data, deltas)
            except ProviderError as exc:
                # Half an event is no news.
                if exc.message != errors.NOT_JSON:
                    raise
        if not self.settled:
            raise errors.cut_short(self._head, has_event=self._has_event, secret=self._secret)
        if not self.done:
            self._finish(deltas)

    def _read(self, name: bytes, data: bytes, deltas: list[Delta]) -> None:
        if name == STRAY:
            self._look(data, deltas)
            return
        try:
            event = events.decode(data)
        except ValueError as exc:
            if data.startswith(b"[DONE]"):
                return
            if name == b"error":
                raise reported(data, None, secret=self._secret) from None
            raise ProviderError(errors.NOT_JSON, retryable=True) from exc
        self._read_event(event, event.type or name.decode("ascii", "replace"), data, deltas)

    def _read_event(self, event: Event, kind: str, data: bytes, deltas: list[Delta]) -> None:
        if kind == "content_block_delta":
            if event.delta is not None:
                self._read_change(event.index or 0, event.delta, deltas)
        elif kind == "content_block_start":
            if isinstance(event.content_block, dict):
                self._start_block(event.index or 0, event.content_block, deltas)
        elif kind == "message_start":
            if event.message is not None and event.message.usage is not None:
                self._read_usage(event.message.usage, deltas)
        elif kind == "message_delta":
            if event.usage is not None:
                self._read_usage(event.usage, deltas)
            if event.delta is not None and event.delta.stop_reason:
                self._stop_reason = event.delta.stop_reason
                self.is_over = True
        elif kind == "message_stop":
            self._stop(deltas)
        elif kind not in _IGNORED:
            self._look(data, deltas, is_error_event=kind == "error")

    def _read_change(self, index: int, change: Change, deltas: list[Delta]) -> None:
        # Nearly every event is a piece of a text.
        if change.text is not None:
            self._add(self._blocks.at(index, blocks.TEXT), blocks.TEXT, change.text, deltas)
        elif change.thinking is not None:
            self._add(self._blocks.at(index, blocks.THINKING), blocks.THINKING, change.thinking, deltas)
        elif change.partial_json is not None:
            self._add_arguments(self._blocks.at(index, blocks.TOOL_USE), change.partial_json)
        else:
            self._blocks.at(index, blocks.TEXT).change(change)

    def _add(self, block: Block, kind: str, piece: str, deltas: list[Delta]) -> None:
        if piece and block.kind == kind:
            block.add(piece)
            self._show(piece, deltas, is_thought=kind == blocks.THINKING)

    def _add_arguments(self, block: Block, piece: str) -> None:
        if block.calls:
            block.add_arguments(piece)
            self._calling = block

    def _start_block(self, index: int, start: dict[str, Any], deltas: list[Delta]) -> None:
        block = self._blocks.start(index, start)
        if block.calls:
            self._calling = block
        elif block.kind == blocks.THINKING:
            # Its first piece begins a thought.
            self._join_pieces(deltas)
            self._are_thoughts = False
        if block.beginning:
            self._show(block.beginning, deltas, is_thought=block.kind == blocks.THINKING)

    def _show(self, piece: str, deltas: list[Delta], *, is_thought: bool) -> None:
        if is_thought is not self._are_thoughts:
            self._join_pieces(deltas)
            self._are_thoughts = is_thought
            if is_thought and self._has_thought:
                self._pieces.append(_BETWEEN_THOUGHTS)
            self._has_thought |= is_thought
        self._has_text = self._has_text or not is_thought
        self._pieces.append(piece)

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
            deltas.append(TextDelta(shown, pieces))

    def _flush(self, deltas: list[Delta]) -> None:
        self._join_pieces(deltas)
        if self._calling is not None:
            deltas.append(ToolDelta(self._calling.name, self._calling.characters))
            self._calling = None

    def _read_usage(self, usage: Usage, deltas: list[Delta]) -> None:
        if self._tokens.add(usage):
            self._join_pieces(deltas)
            deltas.append(self._tokens.total)

    def _look(self, data: bytes, deltas: list[Delta], *, is_error_event: bool = False) -> None:
        """Read JSON that is no event that we know: a whole message, an error, or something to ignore."""
        try:
            value = untrusted_json.parse(data)
        except ValueError:
            value = None
        if is_error_event or (value is not None and is_error(value)):
            raise reported(data, value, secret=self._secret)
        message = events.whole_message(value)
        if message is None:
            return
        for index, start in enumerate(message.content or ()):
            if isinstance(start, dict):
                self._start_block(index, start, deltas)
        if message.usage is not None:
            self._read_usage(message.usage, deltas)
        self._stop_reason = message.stop_reason or self._stop_reason
        self._stop(deltas)

    def _stop(self, deltas: list[Delta]) -> None:
        if self._stop_reason is None:
            raise errors.ended("", secret=self._secret)
        self._finish(deltas)

    def _finish(self, deltas: list[Delta]) -> None:
        """End the answer with any text held back, its items and Finish. Raises ProviderError for a bad ending."""
        self._flush(deltas)
        if reasoning := self._reasoning.close():
            deltas.append(ReasoningDelta(reasoning))
        if text := self._text.close():
            deltas.append(TextDelta(text))
        reason = self._stop_reason or ""
        finish = _FINISHES.get(reason)
        calls = self._calls() if finish == "stop" else []
        if finish is None or (reason == _PAUSE and not calls and self._pauses >= MAX_PAUSES):
            raise errors.ended(reason, secret=self._secret)
        self.items += self._blocks.items(with_calls=bool(calls), is_cut_off=finish == "length")
        self.done = True
        if reason == _PAUSE and not calls:
            self.is_paused = True
            return
        deltas.extend(block.call() for block in calls)
        if self.items and finish != "refusal":
            deltas.append(OutputItems(self.items))
        deltas.append(Finish("tool_calls" if calls else finish))

    def _calls(self) -> list[Block]:
        """The calls to make. Raises ToolCalled if there must not be any."""
        calls = self._blocks.calls
        if not calls or self._offers_tools:
            return calls
        if self._are_off and self._has_text:
            return []
        raise errors.tool_called(calls[0].name)


# A ping is a sign of life, for which every byte counts. The end of a block says nothing new.
_IGNORED: Final = frozenset(("ping", "content_block_stop"))
