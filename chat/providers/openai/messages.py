"""The messages of a chat completions request.

Spec: https://platform.openai.com/docs/api-reference/chat/create. A model's output is one message with its tool calls,
and one `tool` message for each call follows directly, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from chat.protocol.untrusted_input import clean
from chat.providers.base import Message, ModelOutput, Prompt, Tool, ToolResult, ToolUse
from chat.providers.openai.chunks import THOUGHT_FIELDS

_NO_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARACTERS: Final = 64
_REASONING: Final = (*THOUGHT_FIELDS, "reasoning_details")
# Servers also reject an empty text.
_NO_REASONING: Final = " "


def messages_of(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [message for each in messages for message in _messages(each)]


def tools_of(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


def as_text(messages: Iterable[Message]) -> list[Message]:
    """The same conversation for a model without tools: calls and their results are text."""
    prompts: list[Message] = []
    for message in messages:
        match message:
            case ModelOutput(text, calls):
                called = [f"I called the tool {call.name} with {call.arguments or '{}'}." for call in calls]
                prompts.append(Prompt("assistant", "\n\n".join(filter(None, [text, *called]))))
            case ToolResult(_, name, text):
                said = f"The tool {name} returned:\n{text}"
                if prompts and isinstance(last := prompts[-1], Prompt) and last.role == "user":
                    said = f"{last.text}\n\n{said}"
                    prompts.pop()
                prompts.append(Prompt("user", said))
            case _:
                prompts.append(message)
    return prompts


def without_reasoning(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For a server that rejects the model's earlier reasoning."""
    return [{name: value for name, value in message.items() if name not in _REASONING} for message in messages]


def with_reasoning(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For a server that wants reasoning with every call, even with those that another model made without any."""
    return [
        {**message, _REASONING[0]: _NO_REASONING}
        if "tool_calls" in message and not any(name in message for name in _REASONING)
        else message
        for message in messages
    ]


def call_of(call: ToolUse) -> dict[str, Any]:
    """A call as the API takes it back. Broken arguments or an impossible name would fail every further request."""
    # Many servers parse the arguments for their chat template.
    arguments = call.arguments if call.has_object else "{}"
    name = _NO_NAME.sub("_", call.name)[:_NAME_CHARACTERS] or "unknown"
    return {"id": call.call_id, "type": "function", "function": {"name": name, "arguments": clean(arguments)}}


def _messages(message: Message) -> list[dict[str, Any]]:
    match message:
        # Another vendor's items remain where an account's kind has changed.
        case ModelOutput(items=items) if items and all(map(_is_own, items)):
            return [dict(item) for item in items]
        case ModelOutput(text, calls):
            # Some servers reject an empty text, others a missing one: null is what the API itself returns.
            said: dict[str, Any] = {"role": "assistant", "content": clean(text) or None}
            return [{**said, "tool_calls": [call_of(call) for call in calls]}] if calls else [said]
        case ToolResult(call_id, _, text):
            return [{"role": "tool", "tool_call_id": call_id, "content": clean(text)}]
        case _:
            return [{"role": message.role, "content": clean(message.text)}]


def _is_own(item: Mapping[str, Any]) -> bool:
    """Whether it is a message of this API. Anthropic's blocks and the Responses API's items have a type."""
    return item.get("role") == "assistant" and "type" not in item
