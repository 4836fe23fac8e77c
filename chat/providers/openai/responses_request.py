"""A request to the Responses API, as a model accepts it.

Spec: https://platform.openai.com/docs/api-reference/responses/create. Nothing is stored at the server: each request
has the whole conversation, with the model's reasoning in encrypted form, and no ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import openai

from chat.protocol.untrusted_input import clean
from chat.providers.base import Message, ModelOutput, Request, Tool, ToolResult
from chat.providers.http import errors, quotes
from chat.providers.openai.dialect import Manner, key_of
from chat.providers.openai.messages import as_text
from chat.providers.openai.responses_output import KEPT, call_item

# Optional fields, dropped if a server rejects them; those with a dot are inside another.
_SPARE_FIELDS: Final = ("user", "include", "reasoning.summary", "reasoning.effort", "reasoning", "tool_choice")
# OpenAI rejects a lower limit.
_LEAST_TOKENS: Final = 16
_NO_ENCRYPTED: Final = re.compile(r"(?i)encrypted content (?:is|are) not supported")
# Another account's, or of a model that has been replaced.
_FOREIGN_REASONING: Final = re.compile(r"(?i)invalid_encrypted_content|encrypted content.{0,80}(?:verif|decrypt|pars)")


@dataclass(frozen=True, slots=True)
class ResponsesManner(Manner):
    """What one model accepts of the Responses API. reasoning: never, for a request whose reasoning was rejected."""

    limit_field: str = "max_output_tokens"

    @property
    def remembered(self) -> Manner:
        # Another conversation has other reasoning.
        return replace(self, reasoning="as_given")

    def fields(self, request: Request) -> dict[str, Any]:
        messages = request.prompts if self.knows_tools else as_text(request.prompts)
        fields: dict[str, Any] = {
            "model": request.model,
            "input": input_of(messages, has_reasoning=self.reasoning != "never"),
            "stream": True,
            "store": False,
        }
        spare: dict[str, Any] = {
            "include": ["reasoning.encrypted_content"],
            "user": request.user,
            "reasoning.summary": "auto",
            "reasoning.effort": request.effort,
        }
        if tools := self.offered(request):
            fields["tools"] = tools_of(tools)
            spare["tool_choice"] = "none" if request.tools_are_off else ""
        for name, value in spare.items():
            if value and not {key_of(name, value), name.partition(".")[0]} & self.without:
                _set(fields, name, value)
        if request.temperature is not None:
            fields["temperature"] = request.temperature
        if request.max_output_tokens is not None:
            fields[self.limit_field] = max(request.max_output_tokens, _LEAST_TOKENS)
        return fields

    def _with_other_reasoning(self, error: openai.APIStatusError, fields: dict[str, Any]) -> Manner | None:
        detail = errors.complaint(error.response)
        words = " ".join([detail.words[: quotes.READ_CHARACTERS], *detail.codes])
        if self.reasoning == "never" or not _FOREIGN_REASONING.search(words):
            return None
        return replace(self, reasoning="never")

    def _without_fields(self, error: openai.APIStatusError, fields: dict[str, Any]) -> Manner | None:
        words = errors.complaint(error.response).words[: quotes.READ_CHARACTERS]
        if "include" in fields and _NO_ENCRYPTED.search(words):
            return replace(self, without=self.without | {"include"})
        return Manner._without_fields(self, error, fields)

    def _spare(self, fields: dict[str, Any]) -> dict[str, Any]:
        reasoning = fields.get("reasoning", {})
        inner = {f"reasoning.{name}": value for name, value in reasoning.items()}
        return {name: value for name, value in (fields | inner).items() if name in _SPARE_FIELDS}


def input_of(messages: Iterable[Message], *, has_reasoning: bool = True) -> list[dict[str, Any]]:
    """The conversation as items. has_reasoning: whether the model's own reasoning goes back to it."""
    items = [item for message in messages for item in _items(message)]
    return items if has_reasoning else [item for item in items if item.get("type") != "reasoning"]


def tools_of(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            # The default would require every property, and reject most schemas.
            "strict": False,
        }
        for tool in tools
    ]


def _items(message: Message) -> list[dict[str, Any]]:
    match message:
        # Another vendor's items remain where an account's kind has changed.
        case ModelOutput(items=items) if items and all(item.get("type") in KEPT for item in items):
            return [dict(item) for item in items]
        case ModelOutput(text, calls):
            said = [{"role": "assistant", "content": clean(text)}] if text else []
            return [*said, *map(call_item, calls)]
        case ToolResult(call_id, _, text):
            return [{"type": "function_call_output", "call_id": call_id, "output": clean(text)}]
        case _:
            return [{"role": message.role, "content": clean(message.text)}]


def _set(fields: dict[str, Any], name: str, value: object) -> None:
    outer, _, inner = name.partition(".")
    if not inner:
        fields[name] = value
    else:
        fields.setdefault(outer, {})[inner] = value
