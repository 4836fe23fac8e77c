"""The bytes of one answer, read into deltas. No I/O: whoever reads the network feeds this."""

from __future__ import annotations

from typing import Final

from chat.providers import completion
from chat.providers.base import (
    Delta,
    Finish,
    FinishReason,
    Incomplete,
    ProviderError,
    ReasoningDelta,
    TextDelta,
    UsageDelta,
)
from chat.providers.completion import Chunk, Content, NotACompletion, Usage
from chat.providers.event_stream import MAX_EVENT_BYTES, EventStream, EventTooLong
from chat.providers.refusals import reported
from chat.providers.text import Joiner
from chat.providers.thoughts import Thoughts
from chat.wire import count

_LIMIT_SENTENCE: Final = (
    f"The model's server sent one piece of more than {MAX_EVENT_BYTES // 2**20} MiB; the answer was given up."
)
# Comments and empty chunks are no answer: after so many bytes of them nobody waits for one.
MAX_SILENT_BYTES: Final = 2 * MAX_EVENT_BYTES
_SILENT_SENTENCE: Final = (
    f"The model's server sent {MAX_SILENT_BYTES // 2**20} MiB without a word of an answer; the answer was given up."
)
_BROKEN_SENTENCE: Final = "The model's server sent something that is not JSON, so the answer could not be read."
_CUT_SENTENCE: Final = "The model's server hung up before the answer was finished."
_HTML_SENTENCE: Final = (
    "The model's server answered with a web page instead of an answer. The base URL of the model is probably wrong: "
    "it usually ends in /v1."
)


class AnswerReader:
    """Reads an event stream of chat completion chunks, or one whole completion from a server that does not stream.

    Thoughts in tags are reasoning (thoughts.py). The last delta of a whole answer is Finish. What the upstream did
    wrong is kept as `failure`, beside the deltas that came before it, so that no text that arrived is lost to an error
    in the same bytes; after it nothing is read.
    secret: the key that was sent, kept out of what is quoted from the server.
    `settled`: the upstream has given its finish reason; only usage may still come. `done`: nothing more is to come.
    """

    def __init__(self, *, secret: str = "") -> None:
        self._secret = secret
        self.settled = False
        self.done = False
        self.failure: ProviderError | None = None
        self._events = EventStream()
        self._sniffed = False
        self._is_whole = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._silent_bytes = 0
        self._text = Joiner()
        self._reasoning = Joiner()
        self._thoughts = Thoughts()
        self._reason: FinishReason = "stop"
        self._usage = UsageDelta(0, 0)

    def feed(self, chunk: bytes) -> list[Delta]:
        deltas: list[Delta] = []
        try:
            self._feed(chunk, deltas)
            self._count_silence(chunk, deltas)
        except ProviderError as exc:
            self.failure = exc
        return self._thoughts.sort(deltas, is_over=self.failure is not None)

    def close(self) -> list[Delta]:
        """The upstream has ended. The failure is Incomplete if it never said that the answer is finished."""
        deltas: list[Delta] = []
        try:
            self._close(deltas)
        except ProviderError as exc:
            self.failure = exc
        return self._thoughts.sort(deltas, is_over=True)

    def _feed(self, chunk: bytes, deltas: list[Delta]) -> None:
        if not self._sniffed:
            self._sniff(chunk)
        if self._is_whole:
            self._keep(chunk)
            return
        try:
            events = self._events.feed(chunk)
        except EventTooLong as exc:
            raise ProviderError(_LIMIT_SENTENCE) from exc
        for event in events:
            self._read(event.name, event.data, deltas)
            if self.done:
                break

    def _count_silence(self, chunk: bytes, deltas: list[Delta]) -> None:
        if any(isinstance(delta, TextDelta | ReasoningDelta) for delta in deltas):
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
            raise Incomplete(_CUT_SENTENCE)
        self._finish(deltas)

    def _finish(self, deltas: list[Delta]) -> None:
        """Ends the answer with what was held back, and Finish."""
        if reasoning := self._reasoning.close():
            deltas.append(ReasoningDelta(reasoning))
        if text := self._text.close():
            deltas.append(TextDelta(text))
        deltas.append(Finish(self._reason))
        self.done = True

    def _sniff(self, chunk: bytes) -> None:
        # Not by content type: servers label event streams text/plain and JSON text/html. No event stream starts so.
        first = chunk.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        self._sniffed = bool(first)
        if first == b"<":
            raise ProviderError(_HTML_SENTENCE)
        self._is_whole = first == b"{"

    def _keep(self, chunk: bytes) -> None:
        self._body.append(chunk)
        self._body_bytes += len(chunk)
        if self._body_bytes > MAX_EVENT_BYTES:
            raise ProviderError(_LIMIT_SENTENCE)

    def _read_whole(self, body: bytes, deltas: list[Delta]) -> None:
        chunk = self._decode(body)
        if chunk.error is None and not chunk.choices:
            raise ProviderError("The model's server answered with JSON that is not a chat completion.")
        self._read_chunk(chunk, deltas)
        if not self.done:
            self._finish(deltas)

    def _read_rest(self, deltas: list[Delta]) -> None:
        """What the upstream left open when it hung up: an event without its blank line, or half of one."""
        for event in self._events.close():
            try:
                self._read(event.name, event.data, deltas)
            except ProviderError as exc:
                if not isinstance(exc.__cause__, NotACompletion):
                    raise

    def _read(self, name: bytes, data: bytes, deltas: list[Delta]) -> None:
        if data.startswith(b"[DONE]"):
            self._finish(deltas)
            return
        if name == b"error":
            self._read_error(data)
        self._read_chunk(self._decode(data), deltas)

    def _read_error(self, data: bytes) -> None:
        try:
            chunk = completion.decode(data)
        except NotACompletion:
            raise reported(data.decode("utf-8", "replace"), secret=self._secret) from None
        raise reported(chunk.error, secret=self._secret)

    def _decode(self, data: bytes) -> Chunk:
        try:
            return completion.decode(data)
        except NotACompletion as exc:
            raise ProviderError(_BROKEN_SENTENCE, retryable=True) from exc

    def _read_chunk(self, chunk: Chunk, deltas: list[Delta]) -> None:
        if chunk.error:
            raise reported(chunk.error, secret=self._secret)
        if chunk.choices:
            choice = chunk.choices[0]
            content = choice.delta or choice.message
            if content is not None:
                self._read_content(content, deltas)
            if choice.finish_reason:
                self.settled = True
                self._reason = _finish_reason(choice.finish_reason)
        if chunk.usage is not None:
            self._read_usage(chunk.usage, deltas)

    def _read_content(self, content: Content, deltas: list[Delta]) -> None:
        thought = content.reasoning_content or content.reasoning
        if thought and (thought := self._reasoning.push(thought)):
            deltas.append(ReasoningDelta(thought))
        said = content.content
        if isinstance(said, list):
            said = "".join(part.text or "" for part in said)
        # A model that declines says so in a field of its own; to the person it is the answer.
        said = said or content.refusal
        if said and (said := self._text.push(said)):
            deltas.append(TextDelta(said))

    def _read_usage(self, usage: Usage, deltas: list[Delta]) -> None:
        counted = UsageDelta(count(usage.prompt_tokens) or 0, count(usage.completion_tokens) or 0)
        if counted != self._usage:
            self._usage = counted
            deltas.append(counted)


def _finish_reason(reason: str) -> FinishReason:
    if reason == "length":
        return "length"
    if reason == "content_filter":
        return "content_filter"
    return "stop"
