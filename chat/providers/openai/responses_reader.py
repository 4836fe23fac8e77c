"""Parses the bytes of one answer of the Responses API into deltas. Does no I/O: the caller feeds it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from chat.providers.base import Delta, Finish, FinishReason, OutputItems, ProviderError, ToolDelta, UsageDelta
from chat.providers.http import errors, quotes
from chat.providers.openai import chunks, responses_events
from chat.providers.openai.chunks import NotACompletion
from chat.providers.openai.event_reader import EventReader
from chat.providers.openai.finish_reasons import Ending, Failed, ending_of
from chat.providers.openai.responses_events import ResponseEvent
from chat.providers.openai.responses_output import ResponsesOutput

_TEXT: Final = "response.output_text.delta"
# Between two messages, or two parts of a summary.
_PARAGRAPH: Final = "\n\n"


class ResponsesReader(EventReader):
    """Reads the events of a response, or one whole response. Only a terminal event completes it.

    tools, are_off: as in AnswerReader. Calls come right before Finish("tool_calls"), with the OutputItems.
    """

    def __init__(self, *, secret: quotes.Secret = "", tools: Collection[str] = (), are_off: bool = False) -> None:
        super().__init__(secret=secret)
        self._may_call = bool(tools) and not are_off
        self._are_off = are_off
        self._output = ResponsesOutput()
        # Items whose text, or thought, came in deltas.
        self._heard: set[int | None] = set()
        self._has_text = False
        self._separator = ""
        self._thought_part: tuple[int | None, int | None] | None = None
        self._tool = ""
        self._is_refusal = False
        self._ending: Ending | None = None
        self._usage: UsageDelta | None = None

    @property
    def settled(self) -> bool:
        return self.done

    def _keep_text(self, text: str) -> None:
        """Nothing to keep: the items have it."""

    def _progress(self) -> ToolDelta | None:
        progress = self._output.progress() if self._may_call else None
        return ToolDelta(*progress) if progress is not None else None

    def _read_event(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = responses_events.decode(data)
        except NotACompletion as exc:
            self._look(data)
            raise ProviderError(errors.NOT_JSON, retryable=True) from exc
        if event.type == _TEXT:
            if event.delta:
                self._heard.add(event.output_index)
                self._read_text(event.delta, deltas)
        elif (read := _READERS.get(event.type)) is not None:
            read(self, event, deltas)
        elif event.type == "error":
            self._read_error(data)
        elif not event.type.startswith("response."):
            self._look(data)

    def _read_whole(self, body: bytes, deltas: list[Delta]) -> None:
        try:
            value = chunks.parse(body)
        except NotACompletion as exc:
            raise ProviderError(errors.NOT_JSON, retryable=True) from exc
        if not isinstance(value, dict) or "output" not in value:
            self._look(body)
            raise errors.no_completion(value, secret=self._secret)
        self._read_response(value, deltas)

    def _finish(self, deltas: list[Delta]) -> None:
        self._close_text(deltas)
        ending = self._ending
        if ending is None:
            if self._remark is not None:
                raise errors.reported(self._remark, secret=self._secret)
            raise errors.cut_short(self._head, has_event=not self._has_no_event, secret=self._secret)
        if self._usage is not None and isinstance(ending, Failed):
            deltas.append(self._usage)
        if isinstance(ending, Failed):
            raise errors.ended(ending.name, secret=self._secret)
        if ending == "stop":
            ending = self._good_ending(deltas)
        if self._usage is not None:
            deltas.append(self._usage)
        deltas.append(Finish(ending))
        self.done = True

    def _good_ending(self, deltas: list[Delta]) -> FinishReason:
        if not self._may_call:
            if self._tool and not (self._are_off and self._has_text):
                raise errors.tool_called(self._tool)
        elif self._output.has_calls and not self._is_refusal:
            uses, items = self._output.complete()
            deltas += [*uses, OutputItems(items)]
            return "tool_calls"
        return "refusal" if self._is_refusal else "stop"

    def _read_text(self, said: str, deltas: list[Delta]) -> None:
        if self._separator:
            said = self._separator + said
            self._separator = ""
        self._has_text = True
        self._tool = ""
        self._remark = None
        if self._are_thoughts:
            self._join_pieces(deltas)
            self._are_thoughts = False
        self._pieces.append(said)

    def _read_thought(self, thought: str, part: tuple[int | None, int | None], deltas: list[Delta]) -> None:
        if self._thought_part not in (None, part):
            thought = _PARAGRAPH + thought
        self._thought_part = part
        if not self._are_thoughts:
            self._join_pieces(deltas)
            self._are_thoughts = True
        self._pieces.append(thought)

    def _read_summary(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        if event.delta:
            self._heard.add(event.output_index)
            self._read_thought(event.delta, (event.output_index, event.summary_index), deltas)

    def _read_refusal(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        self._is_refusal = True
        if event.delta:
            self._heard.add(event.output_index)
            self._read_text(event.delta, deltas)

    def _read_begun(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        if not isinstance(event.item, dict):
            return
        if event.item.get("type") == "message" and self._has_text:
            self._separator = _PARAGRAPH
        self._output.begin(event.output_index or 0, event.item)
        self._note_tool(event.item)

    def _read_arguments(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        if event.delta:
            self._output.add(event.output_index or 0, event.delta)

    def _read_whole_arguments(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        if event.arguments is not None:
            self._output.replace(event.output_index or 0, event.arguments)

    def _read_ended(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        if isinstance(event.item, dict):
            self._read_item(event.output_index, event.item, deltas)

    def _read_item(self, place: int | None, item: dict[str, Any], deltas: list[Delta]) -> None:
        """Read a complete item: also its text, if that did not come in deltas."""
        self._output.end(place or 0, item)
        self._note_tool(item)
        kind = item.get("type")
        if kind == "message":
            self._is_refusal = self._is_refusal or responses_events.has_refusal(item)
            if place not in self._heard and (said := responses_events.text_of(item)):
                self._read_text(said, deltas)
        elif kind == "reasoning" and place not in self._heard and (thought := responses_events.summary_of(item)):
            self._read_thought(thought, (place, 0), deltas)

    def _note_tool(self, item: dict[str, Any]) -> None:
        if item.get("type") == "function_call":
            name = item.get("name")
            self._tool = (name if isinstance(name, str) else "") or self._tool or "?"

    def _read_terminal(self, event: ResponseEvent, deltas: list[Delta]) -> None:
        self._read_response(responses_events.response_of(event) or {"status": event.type.rpartition(".")[2]}, deltas)

    def _read_response(self, response: dict[str, Any], deltas: list[Delta]) -> None:
        """Read a response that has ended, whichever way."""
        output = response.get("output")
        if not self._output and not self._heard and isinstance(output, list):
            for place, item in enumerate(output):
                if isinstance(item, dict):
                    if item.get("type") == "message" and self._has_text:
                        self._separator = _PARAGRAPH
                    self._read_item(place, item, deltas)
        self._usage = responses_events.usage_of(response)
        status = response.get("status")
        if status == "failed" or response.get("error"):
            self._close_text(deltas)
            raise errors.reported(response.get("error") or response, secret=self._secret)
        if status == "incomplete":
            details = response.get("incomplete_details")
            self._ending = ending_of(details) or Failed("incomplete")
        elif status in ("completed", None):
            self._ending = "stop"
        else:
            self._ending = Failed(str(status)[:40])
        self._finish(deltas)


_Read = Callable[[ResponsesReader, ResponseEvent, list[Delta]], None]
_READERS: Final[dict[str, _Read]] = {
    "response.output_item.added": ResponsesReader._read_begun,
    "response.output_item.done": ResponsesReader._read_ended,
    "response.function_call_arguments.delta": ResponsesReader._read_arguments,
    "response.function_call_arguments.done": ResponsesReader._read_whole_arguments,
    "response.reasoning_summary_text.delta": ResponsesReader._read_summary,
    # The reasoning itself, of models that show it.
    "response.reasoning_text.delta": ResponsesReader._read_summary,
    "response.refusal.delta": ResponsesReader._read_refusal,
    "response.completed": ResponsesReader._read_terminal,
    "response.incomplete": ResponsesReader._read_terminal,
    "response.failed": ResponsesReader._read_terminal,
    "response.cancelled": ResponsesReader._read_terminal,
}
