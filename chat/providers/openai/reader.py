"""Parses the bytes of one answer into deltas. Does no I/O: the caller feeds it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from chat.providers.base import (
    MAX_ARGUMENT_BYTES,
    Delta,
    Finish,
    FinishReason,
    Incomplete,
    ProviderError,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    UsageDelta,
)
from chat.providers.http import errors
from chat.providers.http.error_detail import ErrorDetail, is_error
from chat.providers.http.sse_bytes import MAX_EVENT_BYTES, STRAY, EventTooLong, SseBytesDecoder
from chat.providers.openai import chunks
from chat.providers.openai.chunks import Choice, Chunk, Content, NotACompletion, Usage
from chat.providers.openai.finish_reasons import Ending, Failed, ending_of, worse
from chat.providers.openai.output_message import OutputMessage
from chat.providers.openai.repetition import Repetition
from chat.providers.openai.thoughts import Thoughts
from chat.providers.text import Joiner

# The answer is given up after this many bytes of only comments and empty chunks.
MAX_SILENT_BYTES: Final = 2 * MAX_EVENT_BYTES
_SILENT_SENTENCE: Final = (
    f"The model server sent {MAX_SILENT_BYTES // 2**20} MiB without any text of an answer; the answer was abandoned."
)
_UNENDED_CALL_SENTENCE: Final = "The model server ended the stream without saying whether the tool calls are complete."
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


class AnswerReader:
    """Reads an event stream of chat completion chunks, or one whole completion from a server that does not stream.

    Only the first of several choices is read. Anything that is neither text nor a chunk is checked for an error.
    Thoughts in tags become reasoning (thoughts.py). The last delta of a complete answer is Finish. Upstream errors are
    stored in `failure` and not raised, so that deltas from the same bytes are not lost; nothing is read after them.
    secret: the API key, redacted in quotes from the server. tools: the names of the tools that the model may call. Its
    calls are deltas only right before Finish("tool_calls"), with the OutputItems that contain them; ToolDelta shows
    that one is being written. Without `tools`, a call is an error (ToolCalled), unless text follows. are_off: the
    tools were switched off, which some servers ignore: then a call is also dropped if there is text before it.
    `settled`: there is a finish reason and no text after it. `is_over`: that reason came in a chunk without text, or
    was followed by one. `done`: nothing more will come.
    """

    def __init__(self, *, secret: str = "", tools: Collection[str] = (), are_off: bool = False) -> None:
        self._secret = secret
        self._message = OutputMessage(tools) if tools and not are_off else None
        self._are_off = are_off
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
        self._choice: int | None = None
        self._text = Joiner()
        self._reasoning = Joiner()
        # Neighbours, of texts or of thoughts, that are one delta at last.
        self._pieces: list[str] = []
        self._are_thoughts = False
        self._thoughts = Thoughts()
        self._said = Repetition()
        self._thought = Repetition()
        self._tool = ""
        # JSON since the last text that is neither a chunk nor clearly an error.
        self._remark: Any = None
        self._ending: Ending | None = None
        self._doubted: Ending | None = None
        self._usage = UsageDelta(0, 0)
        self._held_usage: list[UsageDelta] = []

    @property
    def settled(self) -> bool:
        return self._ending is not None or self.done

    def feed(self, chunk: bytes) -> list[Delta]:
        """What came since the last call: a text that came in several pieces is one delta."""
        deltas: list[Delta] = []
        try:
            try:
                self._feed(chunk, deltas)
            finally:
                self._join_pieces(deltas)
                if self._message is not None and not self.done and (progress := self._message.progress()):
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

    def _finish(self, deltas: list[Delta]) -> None:
        """End the answer with any text held back, and Finish. Raises ProviderError for a bad ending."""
        self._join_pieces(deltas)
        if reasoning := self._reasoning.close():
            deltas.append(ReasoningDelta(reasoning))
        if text := self._text.close():
            self._keep_text(text)
            deltas.append(TextDelta(text))
        ending = self._ending or self._doubted
        if ending is None and self._remark is not None:
            raise errors.reported(self._remark, secret=self._secret)
        if isinstance(ending, Failed):
            deltas += self._held_usage
            raise errors.ended(ending.name, secret=self._secret)
        if self._message is None:
            ending = self._ending_without_tools(ending)
        elif ending in (None, "stop", "tool_calls"):
            ending = self._ending_with_tools(self._message, ending, deltas)
        deltas += self._held_usage
        deltas.append(Finish(ending or "stop"))
        self.done = True

    def _ending_without_tools(self, ending: FinishReason | None) -> FinishReason | None:
        if ending != "tool_calls" and not self._tool:
            return ending
        if self._are_off and self._said:
            return "stop" if ending == "tool_calls" else ending
        raise errors.tool_called(self._tool)

    def _ending_with_tools(
        self, message: OutputMessage, ending: FinishReason | None, deltas: list[Delta]
    ) -> FinishReason:
        """What a good ending means. Some servers end calls with `stop`, or an answer without any with `tool_calls`."""
        calls = message.calls
        # A tool of the server's own is answered by text.
        is_answered = ending == "stop" and not self._tool and not calls.are_offered
        if not calls or is_answered:
            return "stop"
        if ending is None:
            raise Incomplete(_UNENDED_CALL_SENTENCE)
        deltas += message.deltas()
        return "tool_calls"

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

    def _read_whole(self, body: bytes, deltas: list[Delta]) -> None:
        chunk = self._decode(body)
        self._read_chunk(chunk, body, deltas)
        if not chunk.choices:
            raise errors.no_completion(chunks.parse(body), secret=self._secret)
        if not self.done:
            self._finish(deltas)

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
            self._read_chunk(self._decode(data), data, deltas)

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

    def _decode(self, data: bytes) -> Chunk:
        try:
            return chunks.decode(data)
        except NotACompletion as exc:
            self._look(data)
            raise ProviderError(errors.NOT_JSON, retryable=True) from exc

    def _read_chunk(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> None:
        has_text = False
        for place, choice in enumerate(chunk.choices or ()):
            index = place if choice.index is None else choice.index
            if self._choice is None:
                self._choice = index
            if index == self._choice:
                has_text = self._read_choice(choice, deltas)
        if chunk.error:
            raise errors.reported(chunk.error, secret=self._secret)
        if not has_text:
            # Some servers report errors next to a choice without text.
            self._look(data)
        if not chunk.choices:
            # Usage after the finish reason: no more text will follow.
            self.is_over = self._ending is not None
        if chunk.x_groq is not None and chunk.x_groq.error:
            raise errors.reported(chunk.x_groq.error, secret=self._secret)
        usage = chunk.usage or (chunk.x_groq and chunk.x_groq.usage)
        if usage:
            self._read_usage(usage, deltas)

    def _read_choice(self, choice: Choice, deltas: list[Delta]) -> bool:
        """Returns whether the choice contained any text or reasoning."""
        # Fast path: most finish reasons are null, one with every token.
        ending = None if choice.finish_reason is None else ending_of(choice.finish_reason)
        has_text = False
        if choice.delta is not None:
            has_text = self._read_content(choice.delta, deltas, is_last=ending is not None)
        if choice.text and not has_text:
            has_text = self._read_text(choice.text, deltas)
        if choice.message is not None and not has_text:
            has_text = self._read_message(choice.message, deltas)
        if choice.error:
            raise errors.reported(choice.error, secret=self._secret)
        if has_text and self._ending is not None:
            self._doubted, self._ending = worse(self._doubted, self._ending), None
        if ending is not None:
            self._ending = worse(self._ending, ending)
        if ending is not None or has_text:
            self.is_over = not has_text
        if choice.usage is not None:
            self._read_usage(choice.usage, deltas)
        return has_text

    def _read_content(self, content: Content, deltas: list[Delta], *, is_last: bool) -> bool:
        """Returns whether the content contained any text or reasoning."""
        if not is_last and (said := chunks.plain_text(content)):
            return self._read_text(said, deltas)
        # Before the text: beside a text, a call that nobody offered is the server's own.
        has_call = self._read_calls(content)
        thought, said = chunks.thought_of(content), chunks.text_of(content)
        if thought:
            self._read_thought(thought, content, deltas)
        if self._message is not None and content.reasoning_details:
            self._message.detail(content)
        has_text = False
        if said and not (is_last and self._said.is_all(said)):
            has_text = self._read_text(said, deltas)
        return has_call or has_text or bool(thought)

    def _read_message(self, message: Content, deltas: list[Delta]) -> bool:
        """Read a whole message: from a server that does not stream, or repeats the message at the end or each time."""
        has_call = self._read_calls(message, is_whole=True)
        thought = self._thought.rest(chunks.thought_of(message))
        if thought:
            self._read_thought(thought, message, deltas)
            if self._message is not None:
                self._message.detail(message)
        said = self._said.rest(chunks.text_of(message))
        has_text = self._read_text(said, deltas) if said else False
        return has_call or has_text or bool(thought)

    def _read_calls(self, content: Content, *, is_whole: bool = False) -> bool:
        """Returns whether there was anything new of a call that may be made."""
        if not content.tool_calls and not content.function_call:
            return False
        self._tool = chunks.tool_of(content) or self._tool
        if self._message is None:
            return False
        return self._message.call_whole(content) if is_whole else self._message.call(content)

    def _read_thought(self, thought: str, content: Content, deltas: list[Delta]) -> None:
        self._thought.add(thought)
        if self._message is not None:
            self._message.think(content, thought)
        if not self._are_thoughts:
            self._join_pieces(deltas)
            self._are_thoughts = True
        self._pieces.append(thought)

    def _read_text(self, said: str, deltas: list[Delta]) -> bool:
        self._said.add(said)
        # Text after a tool call or a remark: the call was not needed, and the remark was not an error.
        self._tool = ""
        self._remark = None
        if self._are_thoughts:
            self._join_pieces(deltas)
            self._are_thoughts = False
        self._pieces.append(said)
        return True

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

    def _keep_text(self, text: str) -> None:
        if self._message is not None:
            self._message.say(text)

    def _read_usage(self, usage: Usage, deltas: list[Delta]) -> None:
        counted = chunks.usage_of(usage)
        if counted == self._usage:
            return
        self._usage = counted
        if self._message is not None and self._message.calls:
            # After the calls, which come last.
            self._held_usage = [counted]
        else:
            self._join_pieces(deltas)
            deltas.append(counted)


def _speaks(delta: Delta) -> bool:
    """Whether this delta is progress of an answer. Arguments that are too long are not."""
    if isinstance(delta, ToolDelta):
        return delta.characters <= MAX_ARGUMENT_BYTES
    return isinstance(delta, _SPOKEN)
