"""The messages of a request.

Spec: https://platform.claude.com/docs/en/api/messages. The API insists on: system prompts in a field of their own;
roles that take turns, the person first; the results of all calls first in the one message that follows them; no blank
texts; thinking as it came, only from the same model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from chat.protocol.untrusted_input import clean
from chat.providers.base import Message, ModelOutput, Prompt, ToolResult, ToolUse
from chat.providers.http.untrusted_json import object_of

Block = dict[str, Any]
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_RESULT: Final = "tool_result"
# Of OpenAI's Responses API. The items of its chat completions have a role.
_FOREIGN: Final = ("message", "reasoning", "function_call")
# Where the beginning of the conversation was left out, what is left may begin with an answer.
_BEGINNING: Final = "[The beginning of the conversation is missing.]"


class Conversation:
    """`system`: the blocks of the system prompt. `messages`: the rest. keeps_thoughts: whether items have them."""

    def __init__(self, messages: Iterable[Message], *, keeps_thoughts: bool = True) -> None:
        self.system: list[Block] = []
        self.messages: list[dict[str, Any]] = []
        self._keeps_thoughts = keeps_thoughts
        for message in messages:
            self._add(message)
        if self.messages and self.messages[0]["role"] == "assistant":
            self.messages.insert(0, {"role": "user", "content": _texts(_BEGINNING)})

    def add_items(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Add the model's own blocks."""
        kept = [dict(item) for item in items if self._keeps_thoughts or item.get("type") not in _THOUGHTS]
        self._extend("assistant", [item for item in kept if not _is_blank(item)])

    def add_prefill(self, text: str) -> None:
        """Add the beginning of the answer, which the model goes on with."""
        self._extend("assistant", _texts(text))

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools of earlier calls, sorted."""
        blocks = (block for message in self.messages for block in message["content"])
        return tuple(sorted({block["name"] for block in blocks if block.get("type") == "tool_use"}))

    @property
    def lacks_thought(self) -> bool:
        """Whether the model is in the middle of calls, and the thought before them is not known.

        With a thinking budget, the API refuses that.
        """
        if len(self.messages) < 2 or self.messages[-1]["content"][0].get("type") != _RESULT:
            return False
        return self.messages[-2]["content"][0].get("type") not in _THOUGHTS

    def _add(self, message: Message) -> None:
        match message:
            case ModelOutput(items=items) if items and all(map(_is_own, items)):
                self.add_items(items)
            case ModelOutput(text, calls):
                self._extend("assistant", [*_texts(text), *map(_call, calls)])
            case ToolResult():
                self._add_result(message)
            case Prompt("system", text):
                self.system += _texts(text)
            case Prompt(role, text):
                self._extend(role, _texts(text))

    def _extend(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})

    def _add_result(self, result: ToolResult) -> None:
        block: Block = {"type": _RESULT, "tool_use_id": result.call_id}
        if text := clean(result.text).strip():
            block["content"] = text
        if result.is_error:
            block["is_error"] = True
        self._extend("user", [block])
        content = self.messages[-1]["content"]
        content.sort(key=lambda each: each.get("type") != _RESULT)


def _texts(text: str) -> list[Block]:
    """A block of the text; none for a blank one."""
    text = clean(text)
    return [{"type": "text", "text": text}] if text.strip() else []


def _call(call: ToolUse) -> Block:
    return {"type": "tool_use", "id": call.call_id, "name": call.name, "input": object_of(call.arguments)}


def _is_blank(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "text" and not str(item.get("text") or "").strip()


def _is_own(item: Mapping[str, Any]) -> bool:
    """Whether it is a block of this API. Another vendor's items remain where an account's kind has changed."""
    kind = item.get("type")
    return isinstance(kind, str) and kind not in _FOREIGN and "role" not in item
