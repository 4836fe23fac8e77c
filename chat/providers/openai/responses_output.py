"""The output items of one response: its calls, and what goes back to the model with their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from chat.protocol.untrusted_input import clean
from chat.providers.base import MAX_ARGUMENT_BYTES, MAX_CALLS, ToolUse, new_call_id
from chat.providers.openai.messages import call_of

# Items of other kinds belong to tools of the server, which are never asked for.
KEPT: Final = ("reasoning", "message", "function_call")
# Nothing is stored at the server, so that its ids mean nothing to it: an item with one would be looked up in vain.
_OF_THE_SERVER: Final = ("id", "status")
_MAX_ITEMS: Final = 4 * MAX_CALLS


@dataclass(slots=True)
class _Item:
    fields: dict[str, Any]
    is_done: bool = False
    characters: int = 0
    _pieces: list[str] = field(default_factory=list)

    @property
    def is_call(self) -> bool:
        return self.fields.get("type") == "function_call"

    @property
    def name(self) -> str:
        name = self.fields.get("name")
        return clean(name).strip()[:128] if isinstance(name, str) else ""

    def add(self, arguments: str) -> None:
        self.characters += len(arguments)
        if self.characters <= MAX_ARGUMENT_BYTES:
            self._pieces.append(arguments)

    def replace(self, arguments: str) -> None:
        self.characters, self._pieces = 0, []
        self.add(arguments)

    def use(self) -> ToolUse:
        arguments = clean("".join(self._pieces))
        if self.characters > MAX_ARGUMENT_BYTES or len(arguments.encode()) > MAX_ARGUMENT_BYTES:
            return ToolUse(new_call_id(), self.name, "", is_too_long=True)
        return ToolUse(new_call_id(), self.name, arguments if arguments.strip() else "{}")


class ResponsesOutput:
    """The items so far, by their place. Items beyond a bound, and calls beyond MAX_CALLS, are ignored."""

    def __init__(self) -> None:
        self._items: dict[int, _Item] = {}
        self._written: _Item | None = None
        self._told = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def has_calls(self) -> bool:
        return any(item.is_call and item.name for item in self._items.values())

    def begin(self, place: int, fields: dict[str, Any]) -> None:
        """An item has begun. Its call, if it is one, has no arguments yet."""
        item = self._put(place, fields)
        if item is not None and item.is_call:
            self._written, self._told = item, -1

    def add(self, place: int, arguments: str) -> None:
        """Add a piece of the arguments of a call."""
        item = self._items.get(place)
        if item is not None and item.is_call and not item.is_done:
            item.add(arguments)
            self._written = item

    def replace(self, place: int, arguments: str) -> None:
        """These are the whole arguments of a call."""
        item = self._items.get(place)
        if item is not None and item.is_call:
            item.replace(arguments)

    def end(self, place: int, fields: dict[str, Any]) -> None:
        """An item is complete, and these are all of its fields."""
        item = self._put(place, fields)
        if item is not None:
            item.is_done = True
            if item.is_call and isinstance(arguments := fields.get("arguments"), str):
                item.replace(arguments)

    def progress(self) -> tuple[str, int] | None:
        """The name and the characters of the call that is being written, if it has come further."""
        if self._written is None or self._written.characters == self._told:
            return None
        self._told = self._written.characters
        return self._written.name, self._told

    def complete(self) -> tuple[list[ToolUse], tuple[dict[str, Any], ...]]:
        """The calls, and all items in their order, in the form in which they are sent back."""
        uses: list[ToolUse] = []
        items: list[dict[str, Any]] = []
        for _, item in sorted(self._items.items()):
            kept = {name: value for name, value in item.fields.items() if name not in _OF_THE_SERVER}
            if item.is_call and item.name and len(uses) < MAX_CALLS:
                uses.append(use := item.use())
                items.append(kept | call_item(use))
            elif (item.fields.get("type") == "message" and item.is_done) or _can_be_read_again(kept):
                items.append(kept)
        return uses, tuple(items)

    def _put(self, place: int, fields: dict[str, Any]) -> _Item | None:
        item = self._items.get(place)
        if item is not None:
            item.fields = fields
        elif fields.get("type") in KEPT and len(self._items) < _MAX_ITEMS:
            item = self._items[place] = _Item(fields)
        return item


def call_item(use: ToolUse) -> dict[str, Any]:
    """A call as the API takes it back."""
    function = call_of(use)["function"]
    return {"type": "function_call", "call_id": use.call_id, **function}


def _can_be_read_again(item: dict[str, Any]) -> bool:
    """Whether this is reasoning that means something without its id: encrypted, or in plain words."""
    return item.get("type") == "reasoning" and bool(item.get("encrypted_content") or item.get("content"))
