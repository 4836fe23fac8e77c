"""Decodes one event of a message stream: only the fields needed for an answer.

Spec: https://platform.claude.com/docs/en/build-with-claude/streaming. New events, blocks and deltas may appear at
any time, so every field may be absent.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chat.protocol.untrusted_input import count
from chat.providers.http import untrusted_json

# gc=False: thousands of short-lived objects that are never part of a cycle.


class Delta(msgspec.Struct, gc=False):
    """What changes: of a block (`type`), or of the message (`stop_reason`)."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: Any = None
    stop_reason: str | None = None


class Details(msgspec.Struct, gc=False):
    thinking_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    """Cumulative counts; what is absent has not changed. `input_tokens`: without those of the cache."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: Details | None = None


class Message(msgspec.Struct, gc=False):
    """The message as it begins; whole, from a server that does not stream."""

    content: list[Any] | None = None
    stop_reason: str | None = None
    usage: Usage | None = None


class Event(msgspec.Struct, gc=False):
    type: str | None = None
    index: int | None = None
    delta: Delta | None = None
    content_block: Any = None
    message: Message | None = None
    usage: Usage | None = None


_events = msgspec.json.Decoder(Event)


def decode(data: bytes) -> Event:
    """Decode one event. Fields of an unexpected type are treated as absent. Raises ValueError for what is no JSON."""
    try:
        return _events.decode(data)
    except (ValueError, RecursionError):
        # msgspec rejects lone surrogates, invalid UTF-8 and fields of another type. These are rare, so a slow and
        # tolerant decoder can handle them.
        return _event(untrusted_json.parse(data))


def whole_message(value: object) -> Message | None:
    """The message of a server that does not stream; None if this JSON is none."""
    is_message = isinstance(value, dict) and value.get("type") == "message"
    return _message(value) if is_message else None


def _event(value: object) -> Event:
    if not isinstance(value, dict):
        return Event()
    return Event(
        type=_string(value.get("type")),
        index=count(value.get("index")),
        delta=_delta(value.get("delta")),
        content_block=value.get("content_block"),
        message=_message(value.get("message")),
        usage=_usage(value.get("usage")),
    )


def _delta(value: object) -> Delta | None:
    if not isinstance(value, dict):
        return None
    return Delta(
        type=_string(value.get("type")),
        text=_string(value.get("text")),
        thinking=_string(value.get("thinking")),
        partial_json=_string(value.get("partial_json")),
        signature=_string(value.get("signature")),
        citation=value.get("citation"),
        stop_reason=_string(value.get("stop_reason")),
    )


def _message(value: object) -> Message | None:
    if not isinstance(value, dict):
        return None
    content = value.get("content")
    return Message(
        content=content if isinstance(content, list) else None,
        stop_reason=_string(value.get("stop_reason")),
        usage=_usage(value.get("usage")),
    )


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    details = value.get("output_tokens_details")
    return Usage(
        input_tokens=count(value.get("input_tokens")),
        cache_creation_input_tokens=count(value.get("cache_creation_input_tokens")),
        cache_read_input_tokens=count(value.get("cache_read_input_tokens")),
        output_tokens=count(value.get("output_tokens")),
        output_tokens_details=Details(count(details.get("thinking_tokens"))) if isinstance(details, dict) else None,
    )


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None
