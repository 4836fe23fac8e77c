"""The model's message with tool calls, kept so that it can be sent back as it came."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from chat.providers.base import Delta, OutputItems, ToolDelta, ToolUse
from chat.providers.openai import chunks
from chat.providers.openai.calls import Calls
from chat.providers.openai.chunks import Content

# OpenRouter's details come in pieces, to be joined by these fields.
_JOINED: Final = ("text", "summary")


class OutputMessage:
    """One message: its text, its reasoning in the field in which it came, and its calls.

    offered: the names of the tools.
    """

    def __init__(self, offered: Collection[str]) -> None:
        self.calls = Calls(offered)
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._thought_field = ""
        self._details: list[dict[str, Any]] = []
        self._told: tuple[str, int] = ("", 0)

    def say(self, text: str) -> None:
        self._texts.append(text)

    def think(self, content: Content, thought: str) -> None:
        """Keep the reasoning of this content. thought: what of it is new."""
        self._thought_field = self._thought_field or chunks.thought_field(content)
        self._thoughts.append(thought)

    def detail(self, content: Content) -> None:
        """Keep OpenRouter's details, which may be encrypted."""
        for detail in chunks.details_of(content):
            last = self._details[-1] if self._details else None
            if last is not None and _continues(last, detail):
                _join(last, detail)
            else:
                self._details.append(dict(detail))

    def call(self, content: Content) -> bool:
        """Add the calls of a delta. Returns whether there was anything new."""
        return self.calls.add(content.tool_calls or {"function": content.function_call})

    def call_whole(self, message: Content) -> bool:
        """Add the calls of a whole message. Returns whether there was anything new."""
        return self.calls.add_whole(message.tool_calls or {"function": message.function_call})

    def progress(self) -> ToolDelta | None:
        """How far the last call has come, if it has come further since this was asked last."""
        if self.calls.last == self._told:
            return None
        self._told = self.calls.last
        return ToolDelta(*self._told)

    def deltas(self) -> list[Delta]:
        """The complete calls, and the message to be sent back."""
        calls = self.calls.complete()
        uses: list[ToolUse] = [use for use, _ in calls]
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or None}
        if self._details:
            message["reasoning_details"] = self._details
        elif self._thought_field:
            message[self._thought_field] = "".join(self._thoughts)
        return [*uses, OutputItems(({**message, "tool_calls": [call for _, call in calls]},))]


def _continues(last: dict[str, Any], detail: dict[str, Any]) -> bool:
    return (
        last.get("type") == detail.get("type")
        and last.get("index") == detail.get("index")
        and any(isinstance(detail.get(name), str) and isinstance(last.get(name), str) for name in _JOINED)
    )


def _join(last: dict[str, Any], detail: dict[str, Any]) -> None:
    for name, value in detail.items():
        if name in _JOINED and isinstance(value, str):
            last[name] = (last.get(name) or "") + value
        elif value is not None:
            last[name] = value
