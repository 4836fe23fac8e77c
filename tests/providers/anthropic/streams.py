"""Hypothesis strategies for message streams of any shape that the API may send, and helpers to read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from chat.providers.anthropic.reader import MessageReader
from chat.providers.base import Delta
from tests.fake_anthropic.stage import event
from tests.providers.joined import joined

# No NUL or unpaired surrogate: our reader replaces them on purpose, the package keeps them.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
COUNTS = st.none() | st.integers(0, 10**6)
STOP_REASONS = st.sampled_from(
    ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"]
)


@st.composite
def text_block(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    pieces = [{"type": "text_delta", "text": text} for text in draw(st.lists(TEXT, max_size=5))]
    for place in draw(st.lists(st.integers(0, len(pieces)), max_size=2)):
        citation = {"type": "char_location", "cited_text": draw(TEXT), "document_index": 0, "document_title": None}
        citation |= {"start_char_index": 0, "end_char_index": 1, "file_id": None}
        pieces.insert(place, {"type": "citations_delta", "citation": citation})
    return {"type": "text", "text": draw(st.just("") | TEXT)}, pieces


@st.composite
def thinking_block(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    pieces = [{"type": "thinking_delta", "thinking": text} for text in draw(st.lists(TEXT, max_size=5))]
    signature = {"type": "signature_delta", "signature": draw(st.from_regex(r"[A-Za-z0-9+/=]{4,40}", fullmatch=True))}
    return {"type": "thinking", "thinking": "", "signature": ""}, [*pieces, signature]


@st.composite
def redacted_block(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "redacted_thinking", "data": draw(TEXT)}, []


@st.composite
def tool_block(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = draw(st.sampled_from(["tool_use", "server_tool_use"]))
    start = {"type": kind, "id": f"toolu_{draw(NAMES)}", "name": draw(NAMES), "input": {}}
    text = draw(st.just("") | st.dictionaries(TEXT, JSON, max_size=3).map(json.dumps))
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *draw(cut(text))]]
    return start, pieces


def cut(whole: Any) -> st.SearchStrategy[list[Any]]:
    """The text or bytes, split anywhere."""
    places = st.lists(st.integers(0, len(whole)), max_size=6)
    return places.map(lambda found: [whole[a:b] for a, b in pairwise([0, *sorted(found), len(whole)])])


@st.composite
def usage(draw: st.DrawFn, *, is_first: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"output_tokens": draw(st.integers(0, 10**6))}
    for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"):
        if draw(st.booleans()):
            fields[name] = draw(COUNTS)
    if is_first:
        fields["input_tokens"] = draw(st.integers(0, 10**6))
    elif draw(st.booleans()):
        fields["output_tokens_details"] = {"thinking_tokens": draw(st.integers(0, 10**6))}
    return fields


@st.composite
def stream(draw: st.DrawFn) -> bytes:
    """The bytes of one complete message stream."""
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": draw(usage(is_first=True))}
    sent = [event("message_start", message=message)]
    kinds = text_block() | thinking_block() | redacted_block() | tool_block()
    for index, (start, deltas) in enumerate(draw(st.lists(kinds, max_size=4))):
        sent.append(event("content_block_start", index=index, content_block=start))
        for delta in deltas:
            sent.append(event("content_block_delta", index=index, delta=delta))
            if draw(st.integers(0, 9)) == 0:
                sent.append(event("ping"))
        sent.append(event("content_block_stop", index=index))
    end = {"stop_reason": draw(STOP_REASONS), "stop_sequence": None}
    sent += [event("message_delta", delta=end, usage=draw(usage(is_first=False))), event("message_stop")]
    return b"".join(sent)


def read(pieces: Iterable[bytes], **options: Any) -> tuple[list[Delta], MessageReader]:
    """Read all these bytes with our reader. Neighbouring texts are joined."""
    reader = MessageReader(**{"offers_tools": True} | options)
    deltas: list[Delta] = []
    for piece in pieces:
        if reader.done or reader.failure:
            break
        deltas += reader.feed(piece)
    if not (reader.done or reader.failure):
        deltas += reader.close()
    return joined(deltas), reader


def bytewise(whole: bytes) -> Sequence[bytes]:
    return [whole[place : place + 1] for place in range(len(whole))]
