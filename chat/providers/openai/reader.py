"""Parses the bytes of one chat completion into deltas. Does no I/O: the caller feeds it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from chat.providers.base import Delta, Finish, FinishReason, Incomplete, ProviderError, ToolDelta, UsageDelta
from chat.providers.http import errors, quotes
from chat.providers.openai import chunks
from chat.providers.openai.chunks import Choice, Chunk, Content, NotACompletion, Usage
from chat.providers.openai.event_reader import EventReader
from chat.providers.openai.finish_reasons import Ending, Failed, ending_of, worse
from chat.providers.openai.output_message import OutputMessage
from chat.providers.openai.repetition import Repetition

_UNENDED_CALL_SENTENCE: Final = "The model server ended the stream without saying whether the tool calls are complete."


class AnswerReader(EventReader):
    """Reads chat completion chunks, or one whole completion.

    Only the first of several choices is read.
    tools: the names of the tools that the model may call. Its calls are deltas only right before Finish("tool_calls"),
    with the OutputItems that contain them; ToolDelta shows that one is being written. Without `tools`, a call is an
    error (ToolCalled), unless text follows. are_off: the tools were switched off, which some servers ignore: then a
    call is also dropped if there is text before it.
    `settled`: there is a finish reason and no text after it. `is_over`: that reason came in a chunk without text, or
    was followed by one.
    """

    def __init__(self, *, secret: quotes.Secret = "", tools: Collection[str] = (), are_off: bool = False) -> None:
        super().__init__(secret=secret)
        self._message = OutputMessage(tools) if tools and not are_off else None
        self._are_off = are_off
        self._choice: int | None = None
        self._said = Repetition()
        self._thought = Repetition()
        self._tool = ""
        self._ending: Ending | None = None
        self._doubted: Ending | None = None
        self._usage = UsageDelta(0, 0)
        self._held_usage: list[UsageDelta] = []

    @property
    def settled(self) -> bool:
        return self._ending is not None or self.done

    def _finish(self, deltas: list[Delta]) -> None:
        self._close_text(deltas)
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

    def _progress(self) -> ToolDelta | None:
        return self._message.progress() if self._message is not None else None

    def _read_whole(self, body: bytes, deltas: list[Delta]) -> None:
        self._read_event(body, deltas)
        # Before there is a choice, nothing of an answer has been read.
        if self._choice is None:
            raise errors.no_completion(chunks.parse(body), secret=self._secret)
        if not self.done:
            self._finish(deltas)

    def _read_event(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            chunk = chunks.decode(data)
        except NotACompletion as exc:
            self._look(data)
            raise ProviderError(errors.NOT_JSON, retryable=True) from exc
        self._read_chunk(chunk, data, deltas)

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
