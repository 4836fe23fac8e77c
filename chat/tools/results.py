"""Cuts what a tool returns to what a model is told and what is saved."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chat.protocol.untrusted_input import clean, storable
from chat.tools.base import SAVED_BYTES, TOLD_BYTES, Result

# The share of the head in what is left of a long text.
_HEAD: Final = 0.75


def result_of(value: Any) -> Result:
    """Texts stay as they are, other values become JSON. Raises TypeError or ValueError if that is not possible."""
    if not isinstance(value, Result):
        value = Result(_text(value), clean(value) if isinstance(value, str) else value)
    text = clean(value.text)
    return Result(
        text=cut(text, TOLD_BYTES),
        value=_small(value.value),
        saved=cut(text, SAVED_BYTES),
        size=len(text.encode()),
    )


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` bytes of UTF-8. A longer one is cut to its head and tail, with a note between."""
    data = text.encode()
    if len(data) <= limit:
        return text
    room = limit - len(_note(len(data)))
    head = data[: int(room * _HEAD)].decode(errors="ignore")
    tail = data[len(data) - (room - int(room * _HEAD)) :].decode(errors="ignore")
    return f"{head}{_note(len(data) - len(head.encode()) - len(tail.encode()))}{tail}"


def _note(missing: int) -> str:
    return f"\n[{missing} bytes are left out here]\n"


def _text(value: Any) -> str:
    if value is None:
        return "Done."
    return value if isinstance(value, str) else msgspec.json.encode(value, order="deterministic").decode()


def _small(value: Any) -> Any:
    """The value in JSON's types, or None if it is too large."""
    encoded = msgspec.json.encode(value)
    return storable(msgspec.json.decode(encoded)) if len(encoded) <= SAVED_BYTES else None
