"""The body of a request, as its model accepts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from chat.providers.anthropic import dialect as dialects
from chat.providers.anthropic.dialect import Dialect
from chat.providers.anthropic.messages import Conversation
from chat.providers.base import Effort, Request, Tool

_CACHED: Final = {"type": "ephemeral"}
# The share of `max_tokens` that a model may think; the rest is for its answer.
_SHARES: Final = {"low": 0.1, "medium": 0.25, "high": 0.5}
# The API takes no smaller budget.
_LEAST_BUDGET: Final = 1024
# Other vendors' temperatures go up to 2.
_MOST_TEMPERATURE: Final = 1.0


def fields_of(request: Request, dialect: Dialect, *, items: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """items: the beginning of this very answer, if the server paused."""
    max_tokens = dialect.limited(request.max_output_tokens)
    effort = _effort(request, dialect)
    is_prefilled = _is_prefilled(request, dialect, effort)
    conversation = Conversation(
        request.messages if is_prefilled else request.prompts, keeps_thoughts=dialect.keeps_thoughts
    )
    thinking = _thinking(dialect, effort, max_tokens, conversation)
    if request.purpose == "answer" and dialect.takes(dialects.CACHE):
        _mark_cacheable(conversation)
    if is_prefilled:
        conversation.add_prefill(request.continues)
    conversation.add_items(items)
    fields: dict[str, Any] = {"model": request.model, "max_tokens": max_tokens, "stream": True}
    fields |= _tools(request, dialect, conversation)
    if conversation.system:
        fields["system"] = conversation.system
    fields["messages"] = conversation.messages
    if thinking:
        fields["thinking"] = thinking
    if thinking.get("type") == dialects.ADAPTIVE and effort and dialect.takes(dialects.EFFORT):
        fields["output_config"] = {"effort": effort}
    if request.temperature is not None and _is_cold(dialect, thinking):
        fields["temperature"] = min(request.temperature, _MOST_TEMPERATURE)
    if request.user and dialect.takes(dialects.METADATA):
        fields["metadata"] = {"user_id": request.user}
    return fields


def _effort(request: Request, dialect: Dialect) -> Effort:
    """A title needs no thought."""
    effort = "none" if request.purpose == "title" and not request.effort else request.effort
    return "low" if effort == "none" and dialect.always_thinks else effort


def _is_prefilled(request: Request, dialect: Dialect, effort: Effort) -> bool:
    """Whether the model goes on with what there is. It cannot while it thinks, nor after whitespace."""
    thinks = effort not in ("", "none") and bool(dialect.thinking)
    text = request.continues
    return dialect.takes_prefill and not thinks and bool(text.strip()) and text == text.rstrip()


def _thinking(dialect: Dialect, effort: Effort, max_tokens: int, conversation: Conversation) -> dict[str, Any]:
    """The field `thinking`; empty to leave it out."""
    if effort == "none":
        return {"type": dialect.off} if dialect.off else {}
    if not effort and not dialect.thinks:
        return {}
    if dialect.thinking == dialects.ADAPTIVE:
        shown = {"display": "summarized"} if dialect.takes(dialects.DISPLAY) else {}
        return {"type": dialects.ADAPTIVE, **shown}
    budget = int(max_tokens * _SHARES.get(effort, 0))
    if dialect.thinking != dialects.BUDGET or budget < _LEAST_BUDGET or conversation.lacks_thought:
        return {}
    return {"type": dialects.BUDGET, "budget_tokens": budget}


def _is_cold(dialect: Dialect, thinking: Mapping[str, Any]) -> bool:
    """Whether the model takes a temperature, which none does while it thinks."""
    return dialect.takes(dialects.TEMPERATURE) and thinking.get("type") not in (dialects.ADAPTIVE, dialects.BUDGET)


def _tools(request: Request, dialect: Dialect, conversation: Conversation) -> dict[str, Any]:
    """The fields `tools` and `tool_choice`. Calls in the messages must be of tools that are listed."""
    is_eager = dialect.takes(dialects.EAGER)
    tools = [_tool(tool, is_eager=is_eager) for tool in request.tools]
    if not tools:
        tools = [_gone(name) for name in conversation.tool_names]
    if not tools:
        return {}
    if request.purpose == "answer" and dialect.takes(dialects.CACHE) and not conversation.system:
        tools[-1]["cache_control"] = _CACHED
    is_off = request.tools_are_off or not request.tools
    return {"tools": tools, "tool_choice": {"type": "none"}} if is_off else {"tools": tools}


def _tool(tool: Tool, *, is_eager: bool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    eager = {"eager_input_streaming": True} if is_eager else {}
    return {"name": tool.name, **described, "input_schema": tool.parameters, **eager}


def _gone(name: str) -> dict[str, Any]:
    return {"name": name, "description": "No longer available.", "input_schema": {"type": "object"}}


def _mark_cacheable(conversation: Conversation) -> None:
    """Mark what the next request begins with, too: tools and system prompt, and the conversation up to here."""
    if conversation.system:
        conversation.system[-1]["cache_control"] = _CACHED
    if conversation.messages and conversation.messages[-1]["role"] == "user":
        conversation.messages[-1]["content"][-1]["cache_control"] = _CACHED
