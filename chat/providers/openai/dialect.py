"""How each model of a server wants to be asked: what it rejected once is not sent again.

OpenAI-compatible servers differ in the fields that they accept, and say so only by rejecting a request.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import openai

from chat.providers.base import Request, Tool
from chat.providers.http import errors, quotes
from chat.providers.openai import tool_errors
from chat.providers.openai.messages import as_text, messages_of, tools_of, with_reasoning, without_reasoning

MAX_ADAPTATIONS: Final = 6
# From this one on, all tools are dropped instead of one more.
_PATIENCE: Final = 3
# More rejected tools are forgotten, so that they are rejected once more.
_REMEMBERED_TOOLS: Final = 1000
_LIMIT_FIELDS: Final = ("max_tokens", "max_completion_tokens")
# Optional fields, dropped if a server rejects them.
_SPARE_FIELDS: Final = ("user", "stream_options", "reasoning_effort", "tool_choice")
# Ollama: '"llama3" does not support thinking'.
_NO_EFFORT: Final = re.compile(r"(?i)(?:not|n't) support (?:thinking|reasoning)|invalid (?:reasoning|think) value")
_REASONING_FIELD: Final = re.compile(
    r"(?<![\w/])(?:reasoning_content|reasoning_details|(?<=[.'\"`])(?:reasoning|thinking)(?=['\"`\s:]))(?!\w)"
)
_MISSING: Final = re.compile(r"(?i)missing|required|pass(?:ed)? back|must be (?:passed|provided|included|present)")


@dataclass(frozen=True, slots=True)
class Manner:
    """What one model accepts.

    without: optional fields that it rejects, `reasoning_effort` with the value. reasoning: whether messages with tool
    calls carry the model's reasoning: as it came, never, or always (with a placeholder if there is none).
    knows_tools: whether it accepts any. bad_tools: digests of tools, and of whole lists of tools, that it rejects.
    """

    limit_field: str
    without: frozenset[str] = frozenset()
    reasoning: Literal["as_given", "never", "always"] = "as_given"
    knows_tools: bool = True
    bad_tools: frozenset[str] = frozenset()

    @property
    def remembered(self) -> Manner:
        """What holds for the next request to the model, too."""
        return self

    def offered(self, request: Request) -> tuple[Tool, ...]:
        """The tools of the request that the model accepts."""
        if not self.knows_tools:
            return ()
        if not self.bad_tools or not request.tools:
            return request.tools
        tools = tuple(tool for tool in request.tools if _digest([tool]) not in self.bad_tools)
        return () if _digest(tools) in self.bad_tools else tools

    def fields(self, request: Request) -> dict[str, Any]:
        """The request as this model accepts it."""
        fields: dict[str, Any] = {"model": request.model, "messages": self._messages(request), "stream": True}
        spare = {
            "stream_options": {"include_usage": True},
            "user": request.user,
            "reasoning_effort": request.effort,
        }
        if tools := self.offered(request):
            fields["tools"] = tools_of(tools)
            spare["tool_choice"] = "none" if request.tools_are_off else ""
        fields |= {name: value for name, value in spare.items() if value and key_of(name, value) not in self.without}
        if request.temperature is not None:
            fields["temperature"] = request.temperature
        if request.max_output_tokens is not None:
            fields[self.limit_field] = request.max_output_tokens
        return fields

    def adapted(self, request: Request, error: openai.APIStatusError, *, adaptations: int) -> Manner | None:
        """A manner without what the server seems not to know; None if it rejected the request for another reason.

        adaptations: how many there have been for this request.
        """
        if errors.is_too_long(error.response):
            return None
        fields = self.fields(request)
        if error.status_code not in (400, 422):
            return self._without_tools(request, error, fields, adaptations)
        return (
            self._with_other_limit(error, fields)
            or self._with_other_reasoning(error, fields)
            or self._without_tools(request, error, fields, adaptations)
            or self._without_fields(error, fields)
            or self._without_all_tools(request, error)
        )

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        messages = messages_of(request.prompts if self.knows_tools else as_text(request.prompts))
        if self.reasoning == "never":
            return without_reasoning(messages)
        return with_reasoning(messages) if self.reasoning == "always" else messages

    def _with_other_limit(self, error: openai.APIStatusError, fields: dict[str, Any]) -> Manner | None:
        for field, other in zip(_LIMIT_FIELDS, reversed(_LIMIT_FIELDS), strict=True):
            if field in fields and errors.mentions(error.response, field):
                return replace(self, limit_field=other)
        return None

    def _with_other_reasoning(self, error: openai.APIStatusError, fields: dict[str, Any]) -> Manner | None:
        detail = errors.complaint(error.response)
        words = " ".join([detail.words[: quotes.READ_CHARACTERS], *detail.fields])
        if not _REASONING_FIELD.search(words) or not any("tool_calls" in message for message in fields["messages"]):
            return None
        other: Literal["always", "never"] = "always" if _MISSING.search(words) else "never"
        return replace(self, reasoning=other) if other != self.reasoning else None

    def _without_tools(
        self, request: Request, error: openai.APIStatusError, fields: dict[str, Any], adaptations: int
    ) -> Manner | None:
        if "tools" not in fields or error.status_code not in tool_errors.STATUSES:
            return None
        tools = self.offered(request)
        if names := tool_errors.rejected(error, [tool.name for tool in tools]):
            if adaptations >= _PATIENCE:
                return self._rejecting([tools])
            return self._rejecting([tool] for tool in tools if tool.name in names)
        if tool_errors.knows_no_tools(error):
            return replace(self, knows_tools=False)
        return self._rejecting([tools]) if tool_errors.blames_tools(error) else None

    def _without_fields(self, error: openai.APIStatusError, fields: dict[str, Any]) -> Manner | None:
        spare = self._spare(fields)
        effort = next((name for name in spare if name.endswith("effort")), "")
        if effort and _NO_EFFORT.search(errors.complaint(error.response).words[: quotes.READ_CHARACTERS]):
            unknown = {effort}
        else:
            unknown = set(errors.unknown_fields(error.response, list(spare)))
        # Words about a field inside another also contain the name of that.
        unknown -= {name.partition(".")[0] for name in unknown if "." in name}
        if not unknown:
            return None
        return replace(self, without=self.without | {key_of(name, spare[name]) for name in unknown})

    def _spare(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The optional fields in a request."""
        return {name: fields[name] for name in _SPARE_FIELDS if name in fields}

    def _without_all_tools(self, request: Request, error: openai.APIStatusError) -> Manner | None:
        """For a server that gives no reason at all."""
        tools = self.offered(request)
        return self._rejecting([tools]) if tools and not errors.complaint(error.response).words else None

    def _rejecting(self, lists: Iterable[Iterable[Tool]]) -> Manner:
        bad = frozenset(map(_digest, lists))
        return replace(self, bad_tools=bad if len(self.bad_tools) > _REMEMBERED_TOOLS else self.bad_tools | bad)


class Dialect:
    """The manner of each model of one server. usual: of a model that has not rejected anything."""

    def __init__(self, usual: Manner) -> None:
        self._usual = usual
        self._manners: dict[str, Manner] = {}

    def manner(self, model: str) -> Manner:
        return self._manners.get(model, self._usual)

    def learn(self, model: str, manner: Manner) -> None:
        """Remember a manner that was accepted, so that the next request is not rejected first."""
        self._manners[model] = manner.remembered


def key_of(name: str, value: object) -> str:
    # A model may reject one effort and accept another.
    return f"{name}={value}" if name.endswith("effort") else name


def _digest(tools: Iterable[Tool]) -> str:
    return hashlib.sha256(json.dumps(tools_of(tools), default=str).encode()).hexdigest()
