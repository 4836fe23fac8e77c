"""JSON of a model server, however broken, and JSON that can be stored and sent again."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from chat.protocol.untrusted_input import storable

# Python refuses to parse integers of more than 4,300 digits.
MOST_DIGITS: Final = 18
# Deeper than any part of an answer. The parsers give up at about a thousand.
_DEPTH: Final = 64
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse(data: bytes) -> Any:
    """The value. Strings may contain lone surrogates; a value nested too deeply is null. Raises ValueError."""
    text = _text(data)
    try:
        try:
            return _loads(text)
        except RecursionError:
            return _loads(_shallow(text))
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def object_of(text: str) -> dict[str, Any]:
    """The object that this JSON is, fit to be stored; empty if it is broken or something else."""
    try:
        value = json.loads(text, parse_int=_rounded)
    except (ValueError, RecursionError):
        return {}
    fit: dict[str, Any] = storable(value) if isinstance(value, dict) else {}
    return fit


def _loads(text: str) -> Any:
    return json.loads(text, strict=False, parse_int=_integer)


def _integer(digits: str) -> int | float:
    """The number, or infinity if it has too many digits to parse."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(f"{digits[0]}1e999")


def _rounded(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _shallow(text: str) -> str:
    """The JSON with null in place of values that are nested too deeply."""
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
