"""Items of another vendor are never sent, for example after an account was created again with another kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chat.providers.anthropic.messages import Conversation
from chat.providers.base import Message, ModelOutput, Prompt, ToolResult, ToolUse
from chat.providers.openai.messages import messages_of
from chat.providers.openai.responses_request import input_of

Items = tuple[dict[str, Any], ...]
Write = Callable[[tuple[Message, ...]], list[dict[str, Any]]]

CALL = ToolUse("cABCDEFGH", "look", "{}")
FUNCTION = {"name": "look", "arguments": "{}"}
CHAT: Items = (
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "foreign",
        "tool_calls": [{"id": CALL.call_id, "type": "function", "function": FUNCTION}],
    },
)
RESPONSES: Items = (
    {"type": "reasoning", "summary": [], "encrypted_content": "foreign"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "foreign"}]},
    {"type": "function_call", "call_id": CALL.call_id, **FUNCTION},
)
ANTHROPIC: Items = (
    {"type": "thinking", "thinking": "foreign", "signature": "signed"},
    {"type": "text", "text": "foreign"},
    {"type": "tool_use", "id": CALL.call_id, "name": "look", "input": {}},
)
WRITERS: dict[str, tuple[Write, Items]] = {
    "chat": (messages_of, CHAT),
    "responses": (input_of, RESPONSES),
    "anthropic": (lambda messages: Conversation(messages).messages, ANTHROPIC),
}


def written(write: Write, items: Items) -> list[dict[str, Any]]:
    result = ToolResult(CALL.call_id, CALL.name, "Nothing.")
    return write((Prompt("user", "Look!"), ModelOutput("Well.", (CALL,), items), result))


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("other", [CHAT, RESPONSES, ANTHROPIC], ids=["chat", "responses", "anthropic"])
def test_the_message_is_made_of_its_text_and_calls_instead(vendor: str, other: Items) -> None:
    write, own = WRITERS[vendor]

    sent = written(write, other)

    if other is own:
        assert "foreign" in json.dumps(sent)
    else:
        assert sent == written(write, ())


@pytest.mark.parametrize("vendor", WRITERS)
def test_a_single_foreign_item_is_one_too_many(vendor: str) -> None:
    write, own = WRITERS[vendor]
    for other in (CHAT, RESPONSES, ANTHROPIC):
        if other is not own:
            for item in other:
                assert written(write, (*own, item)) == written(write, ())
