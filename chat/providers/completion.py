"""One chunk of a chat completion, decoded: only the fields that an answer is made of.

Spec: https://platform.openai.com/docs/api-reference/chat-streaming. Compatible servers differ in what they leave out
and add (`reasoning` or `reasoning_content`, content in parts, no `choices`), so every field may be absent.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from chat.wire import count

# gc=False: made and dropped by the thousand, and never part of a cycle.


class Part(msgspec.Struct, gc=False):
    text: str | None = None


class Content(msgspec.Struct, gc=False):
    """What a chunk adds (`delta`), or a whole message."""

    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct, gc=False):
    delta: Content | None = None
    message: Content | None = None
    finish_reason: str | None = None


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chunk(msgspec.Struct, gc=False):
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None
    object: str | None = None


class NotACompletion(ValueError):
    """The bytes are no JSON object."""


# Deeper than any part of an answer lies; the parsers give up at about a thousand.
_DEPTH: Final = 64
# Python refuses to read numbers of more than 4,300 digits.
_DIGITS: Final = 18
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)

_decoder: Final = msgspec.json.Decoder(Chunk)


def decode(data: bytes) -> Chunk:
    """One chunk. Strings may hold unpaired surrogates; fields of an unexpected type are read as absent.

    Raises NotACompletion.
    """
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError):
        # msgspec refuses half a surrogate pair, bytes that are no UTF-8 and fields of another type. These are rare,
        # so what is slow and tolerant may look at them.
        return _decode_tolerantly(data)


def _decode_tolerantly(data: bytes) -> Chunk:
    text = _text(data)
    try:
        try:
            value = _loads(text)
        except RecursionError:
            value = _loads(_shallow(text))
    except (ValueError, RecursionError) as exc:
        raise NotACompletion("not JSON") from exc
    if not isinstance(value, dict):
        raise NotACompletion("not a JSON object")
    choices = value.get("choices")
    return Chunk(
        choices=[_choice(item) for item in choices if isinstance(item, dict)] if isinstance(choices, list) else None,
        usage=_usage(value.get("usage")),
        error=value.get("error"),
        object=_string(value.get("object")),
    )


def _loads(text: str) -> Any:
    return json.loads(text, strict=False, parse_int=_integer)


def _integer(digits: str) -> int | float:
    """Infinity for what has too many digits to be read."""
    return int(digits) if len(digits) <= _DIGITS else float(f"{digits[0]}1e999")


def _shallow(text: str) -> str:
    """The JSON with null in the place of what is nested too deeply."""
    kept: list[str] = []
    start = depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in ("[", "{"):
            depth += 1
            if depth == _DEPTH + 1:
                kept += [text[start : match.start()], "null"]
        elif match[0] in ("]", "}"):
            depth -= 1
            if depth == _DEPTH:
                start = match.end()
    if depth <= _DEPTH:
        kept.append(text[start:])
    return "".join(kept)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _choice(value: dict[str, Any]) -> Choice:
    return Choice(
        delta=_content(value.get("delta")),
        message=_content(value.get("message")),
        finish_reason=_string(value.get("finish_reason")),
    )


def _content(value: object) -> Content | None:
    if not isinstance(value, dict):
        return None
    content = value.get("content")
    return Content(
        content=[Part(_string(part.get("text"))) for part in content if isinstance(part, dict)]
        if isinstance(content, list)
        else _string(content),
        reasoning_content=_string(value.get("reasoning_content")),
        reasoning=_string(value.get("reasoning")),
        refusal=_string(value.get("refusal")),
    )


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    return Usage(count(value.get("prompt_tokens")), count(value.get("completion_tokens")))


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None
