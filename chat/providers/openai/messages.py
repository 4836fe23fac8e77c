"""The messages of a chat completions request.

Spec: https://platform.openai.com/docs/api-reference/chat/create. A model's output is one message with its tool calls,
and one `tool` message for each call follows directly, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chat.providers.base import Message, ModelOutput, Tool, ToolResult, ToolUse
from chat.providers.text import clean


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


def _messages(message: Message) -> list[dict[str, Any]]:
    match message:
        case ModelOutput(items=items) if items:
            return [dict(item) for item in items]
        case ModelOutput(text, calls):
            # Some servers reject an empty text, others a missing one: null is what the API itself returns.
            said: dict[str, Any] = {"role": "assistant", "content": clean(text) or None}
            return [{**said, "tool_calls": [_call(call) for call in calls]}] if calls else [said]
        case ToolResult(call_id, _, text):
            return [{"role": "tool", "tool_call_id": call_id, "content": clean(text)}]
        case _:
            return [{"role": message.role, "content": clean(message.text)}]


def _call(call: ToolUse) -> dict[str, Any]:
    # Many servers parse the arguments for their chat template: with broken JSON, every further request would fail.
    arguments = call.arguments if call.has_object else "{}"
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": clean(arguments)}}
