"""Assembles the tool calls of one answer from the pieces in which servers send them.

Spec: https://platform.openai.com/docs/api-reference/chat-streaming. A call begins with its id, index and name, and its
arguments follow in pieces with the same index. Compatible servers leave out ids or indices, give every call the index
0, continue a call under another index, repeat its name, or send whole calls with the arguments as an object.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from chat.protocol.untrusted_input import clean
from chat.providers.base import MAX_ARGUMENT_BYTES, MAX_CALLS, ToolUse, new_call_id
from chat.providers.openai.messages import call_of

# Longer than any tool's name: such a call is of an unknown tool.
_NAME_CHARACTERS: Final = 128
# A larger signature is dropped.
_EXTRA_BYTES: Final = 64 * 1024
# How often arguments are parsed to see whether a call is over before its answer is.
_LOOKS: Final = 16


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one delta says of a call. Empty and None: nothing."""

    id: str
    index: int | None
    name: str
    arguments: str
    extra: dict[str, Any] | None


@dataclass(slots=True)
class _Call:
    id: str
    index: int | None
    name: str = ""
    characters: int = 0
    extra: dict[str, Any] | None = None
    _pieces: list[str] = field(default_factory=list)
    _looks: int = 0

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    @property
    def is_too_long(self) -> bool:
        return self.characters > MAX_ARGUMENT_BYTES

    def add(self, arguments: str) -> None:
        self.characters += len(arguments)
        if self.is_too_long:
            self._pieces.clear()
        else:
            self._pieces.append(arguments)

    def is_followed_by(self, arguments: str) -> bool:
        """Whether its arguments are a whole object, so that these must belong to another call."""
        if not arguments.startswith("{") or not self._pieces or not self._pieces[-1].endswith("}"):
            return False
        self._looks += 1
        return self._looks <= _LOOKS and _is_object(self.arguments)

    def repeats(self, arguments: str) -> bool:
        """Whether these are its whole arguments once more."""
        if not arguments or len(arguments) != self.characters or arguments != self.arguments:
            return False
        return _is_object(arguments)


class Calls:
    """The calls so far, in the order in which they began.

    offered: the names of the tools. A piece belongs to: a new call if it has an id that is not its slot's and no other
    call's; else the call with its index; else the last call. `last`: the name and the characters of the arguments of
    the call that was written last.
    """

    def __init__(self, offered: Collection[str]) -> None:
        self._offered = offered
        self._calls: list[_Call] = []
        self._last: _Call | None = None
        self._is_full = False

    def __bool__(self) -> bool:
        return any(call.name for call in self._calls)

    @property
    def last(self) -> tuple[str, int]:
        return (self._last.name, self._last.characters) if self._last is not None else ("", 0)

    @property
    def are_offered(self) -> bool:
        """Whether any of the calls is for a tool that was offered."""
        return any(call.name in self._offered for call in self._calls)

    def add(self, entries: object) -> bool:
        """Add `tool_calls` of a delta. Returns whether there was anything new."""
        is_new = False
        before: _Call | None = None
        for piece in _pieces(entries):
            call = self._call_of(piece, before)
            if call is None:
                # What follows a call too many may belong to it.
                self._is_full = self._is_full or len(self._calls) == MAX_CALLS
            if self._is_full:
                break
            if call is None:
                call = _Call(piece.id, piece.index)
                self._calls.append(call)
            if not call.repeats(piece.arguments):
                self._extend(call, piece)
                self._last = call
                is_new = True
            before = call
        return is_new

    def add_whole(self, entries: object) -> bool:
        """Add `tool_calls` of a whole message, which may only repeat those of the deltas before it."""
        return False if self else self.add(entries)

    def complete(self) -> list[tuple[ToolUse, dict[str, Any]]]:
        """The calls, each with its form in the API and an id of ours. Those without a name are left out."""
        return [(use, call_of(use) | _extra_content(call)) for call in self._calls for use in _use(call)]

    def _call_of(self, piece: _Piece, before: _Call | None) -> _Call | None:
        """The call that this piece continues; None if it begins one. before: the call of the piece before it."""
        call = self._open_call(piece)
        if call is None or not piece.name:
            return call
        if piece.id or piece.index is not None:
            if call.repeats(piece.arguments):
                return call
        elif call is before:
            # A list of calls without ids and indices.
            return None
        both_offered = piece.name != call.name and {piece.name, call.name} <= set(self._offered)
        return None if both_offered or call.is_followed_by(piece.arguments) else call

    def _open_call(self, piece: _Piece) -> _Call | None:
        slot = self._find(index=piece.index) if piece.index is not None else None
        if piece.id:
            if slot is not None and (slot.id == piece.id or not (slot.id or piece.name)):
                return slot
            return self._find(id=piece.id)
        if slot is None and piece.index is not None and piece.name:
            return None
        return slot or (self._calls[-1] if self._calls else None)

    def _find(self, **wanted: object) -> _Call | None:
        [(name, value)] = wanted.items()
        return next((call for call in reversed(self._calls) if getattr(call, name) == value), None)

    def _extend(self, call: _Call, piece: _Piece) -> None:
        call.id = call.id or piece.id
        if piece.name:
            call.name = self._joined(call.name, piece.name)[:_NAME_CHARACTERS]
        if piece.arguments:
            call.add(piece.arguments)
        call.extra = call.extra or piece.extra

    def _joined(self, name: str, piece: str) -> str:
        """The name with one more piece, which may also be the whole name once more."""
        if not name or (piece == name and name in self._offered):
            return piece
        if any(offered.startswith(name + piece) for offered in self._offered):
            return name + piece
        return piece if piece.startswith(name) else name + piece


def _use(call: _Call) -> Iterator[ToolUse]:
    name = clean(call.name).strip()
    if not name:
        return
    arguments = clean(call.arguments)
    if call.is_too_long or len(arguments.encode()) > MAX_ARGUMENT_BYTES:
        yield ToolUse(new_call_id(), name, "", is_too_long=True)
    else:
        yield ToolUse(new_call_id(), name, arguments if arguments.strip() else "{}")


def _extra_content(call: _Call) -> dict[str, Any]:
    return {"extra_content": call.extra} if call.extra else {}


def _pieces(entries: object) -> Iterator[_Piece]:
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict):
            continue
        inner = entry.get("function")
        # Some servers leave out the object around name and arguments.
        function = inner if isinstance(inner, dict) else entry
        index = entry.get("index")
        yield _Piece(
            id=_text(entry.get("id")),
            index=index if isinstance(index, int) and not isinstance(index, bool) else None,
            name=_text(function.get("name")),
            arguments=_arguments(function.get("arguments")),
            extra=_bounded(entry.get("extra_content")),
        )


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 2**63 else ""
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    if isinstance(value, str):
        return value
    # An empty object comes before pieces, or is all there is.
    return _encoded(value) if value else ""


def _bounded(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not value:
        return None
    return value if 0 < len(_encoded(value)) <= _EXTRA_BYTES else None


def _encoded(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def _is_object(arguments: str) -> bool:
    return ToolUse("", "", arguments).has_object
