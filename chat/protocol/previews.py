"""Shortens JSON values, so that an event of a run stays small whatever a tool was given or returned.

An event's data is at most EVENT_BYTES of JSON, except for text: `token` and `reasoning` have a limit of their own
(ENTRY_CHARACTERS), and `start` holds the whole question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chat.protocol.events import MERGEABLE, Event
from chat.protocol.sse import dumps
from chat.protocol.untrusted_input import clean

EVENT_BYTES: Final = 4096
# Fields up to this size are never shortened: ids, names, codes, durations.
SMALL_BYTES: Final = 256
# What is shown of each item can be read, so only the first ones are.
ITEM_BYTES: Final = 160
FIELD_BYTES: Final = 24
WITH_ARGUMENTS: Final = frozenset({"tool_start", "approval_request"})
# Deeper values become "…".
DEPTH: Final = 8
_CUT: Final = "…"
_CUT_BYTES: Final = len(dumps(_CUT).encode())
# For `"truncated":true` and its kin.
_NOTE_BYTES: Final = 32


def capped(event: Event) -> Event:
    """The event, with its longest fields shortened if it is too long; `truncated` says so.

    In `tool_start` and `approval_request` that is `arguments_truncated`. What the fields had is in the saved message.
    """
    if event.name in MERGEABLE or event.name == "start" or size(event.data) <= EVENT_BYTES:
        return event
    small = {name: value for name, value in event.data.items() if size(value) <= SMALL_BYTES}
    long = {name: value for name, value in event.data.items() if name not in small}
    room = EVENT_BYTES - size(small) - _NOTE_BYTES - sum(size(name) + 2 for name in long)
    short = {name: shortened(value, room // len(long)) for name, value in long.items()}
    note = "arguments_truncated" if event.name in WITH_ARGUMENTS else "truncated"
    return Event(event.name, {name: short.get(name, value) for name, value in event.data.items()} | {note: True})


def size(value: Any) -> int:
    """The length of its JSON in bytes."""
    try:
        return len(dumps(value).encode())
    except UnicodeEncodeError:
        return len(clean(dumps(value)).encode())


def shortened(value: Any, room: int, *, depth: int = DEPTH) -> Any:
    """A JSON value of the same shape that fits in `room` bytes: its texts are cut, its last items left out."""
    if size(value) <= room:
        return value
    if isinstance(value, str):
        return _text(value, room)
    if not depth:
        return _CUT
    if isinstance(value, Mapping):
        named = {_text(str(name), SMALL_BYTES): item for name, item in value.items()}
        return _items(named, room, depth, least=FIELD_BYTES)
    if isinstance(value, list | tuple):
        return list(_items(dict(enumerate(value)), room, depth, least=ITEM_BYTES).values())
    return _CUT


def _text(text: str, room: int) -> str:
    # Each character takes at least one byte, so no more of it than this is ever encoded.
    kept = text[:room]
    if len(kept) == len(text) and size(text) <= room:
        return text
    while kept and size(kept) + _CUT_BYTES - 2 > room:
        kept = kept[: min(len(kept) - 1, len(kept) * room // (size(kept) + _CUT_BYTES))]
    return kept + _CUT


def _items(value: Mapping[Any, Any], room: int, depth: int, *, least: int) -> dict[Any, Any]:
    """As many of the first items as fit with `least` bytes each. Short ones stay whole, the others share the rest."""
    room -= 2
    sizes: dict[Any, int] = {}
    needed = 0
    for name, item in value.items():
        head = size(name) + 2 if isinstance(name, str) else 1
        sizes[name] = head + size(item)
        needed += head + min(size(item), least)
        if needed > room:
            del sizes[name]
            break
    kept: dict[Any, Any] = {}
    for number, name in enumerate(sorted(sizes, key=sizes.__getitem__)):
        share = room // (len(sizes) - number)
        head = sizes[name] - size(value[name])
        kept[name] = shortened(value[name], share - head, depth=depth - 1)
        room -= head + size(kept[name])
    return {name: kept[name] for name in sizes}
