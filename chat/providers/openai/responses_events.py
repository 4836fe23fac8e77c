"""Decodes one event of the Responses API: only the fields needed for an answer.

Spec: https://platform.openai.com/docs/api-reference/responses-streaming. Ids of items may differ between the events of
one item (GitHub Copilot encrypts them anew each time), so an item is known by its `output_index`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chat.protocol.untrusted_input import count
from chat.providers.base import UsageDelta
from chat.providers.openai import chunks
from chat.providers.openai.chunks import NotACompletion

# gc=False: thousands of short-lived objects that are never part of a cycle.


class ResponseEvent(msgspec.Struct, gc=False):
    """One event. `response` is not decoded: it repeats the request, with every tool, several times in a stream."""

    type: str = ""
    delta: str | None = None
    output_index: int | None = None
    summary_index: int | None = None
    arguments: str | None = None
    item: Any = None
    response: msgspec.Raw = msgspec.Raw()


_decoder: Final = msgspec.json.Decoder(ResponseEvent)


def decode(data: bytes) -> ResponseEvent:
    """Decode one event, with the tolerance of `chunks.decode`. Raises NotACompletion."""
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError):
        return _decode_tolerantly(data)


def response_of(event: ResponseEvent) -> dict[str, Any]:
    """The response in this event; empty if there is none."""
    raw = bytes(event.response)
    value = chunks.parse(raw) if raw else None
    return value if isinstance(value, dict) else {}


def usage_of(response: dict[str, Any]) -> UsageDelta | None:
    """The counts of a response, if it has any."""
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    return UsageDelta(
        count(usage.get("input_tokens")) or 0,
        count(usage.get("output_tokens")) or 0,
        _detail(usage.get("input_tokens_details"), "cached_tokens"),
        _detail(usage.get("output_tokens_details"), "reasoning_tokens"),
    )


def text_of(item: dict[str, Any]) -> str:
    """The text of a message, refusals included."""
    return "".join(_strings(item.get("content"), "text", "refusal"))


def has_refusal(item: dict[str, Any]) -> bool:
    return any(_strings(item.get("content"), "refusal"))


def summary_of(item: dict[str, Any]) -> str:
    """The summary of reasoning, or the reasoning itself where a model shows it."""
    return "\n\n".join(_strings(item.get("summary"), "text")) or "".join(_strings(item.get("content"), "text"))


def _strings(parts: object, *names: str) -> list[str]:
    if not isinstance(parts, list):
        return []
    values = [part.get(name) for part in parts if isinstance(part, dict) for name in names]
    return [value for value in values if isinstance(value, str) and value]


def _detail(details: object, name: str) -> int:
    return (count(details.get(name)) or 0) if isinstance(details, dict) else 0


def _decode_tolerantly(data: bytes) -> ResponseEvent:
    value = chunks.parse(data)
    if not isinstance(value, dict):
        raise NotACompletion("not a JSON object")
    response = value.get("response")
    return ResponseEvent(
        type=_text(value.get("type")) or "",
        delta=_text(value.get("delta")),
        output_index=count(value.get("output_index")),
        summary_index=count(value.get("summary_index")),
        arguments=_text(value.get("arguments")),
        item=value.get("item"),
        response=msgspec.Raw(chunks.encode(response)) if isinstance(response, dict) else msgspec.Raw(),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
