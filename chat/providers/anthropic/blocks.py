"""The content blocks of one message, put together from their deltas.

They are kept whole, because they go back to the model as they came: thinking with its signature, encrypted thinking,
the calls and results of tools that the server runs itself.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chat.protocol.untrusted_input import clean, storable
from chat.providers.anthropic.events import Delta
from chat.providers.base import MAX_ARGUMENT_BYTES, MAX_CALLS, ToolUse, new_call_id
from chat.providers.http.untrusted_json import object_of

TEXT: Final = "text"
THINKING: Final = "thinking"
# A call of one of our tools. Others (`server_tool_use`, `mcp_tool_use`) run at the server.
TOOL_USE: Final = "tool_use"
# What a block of a kind has in pieces.
_FIELDS: Final = {TEXT: "text", THINKING: "thinking"}


class Blocks:
    """The blocks of a message, by their index."""

    def __init__(self) -> None:
        self._blocks: dict[int, Block] = {}

    def start(self, index: int, start: dict[str, Any]) -> Block:
        block = self._blocks[index] = Block(start)
        return block

    def at(self, index: int, kind: str) -> Block:
        """The block of this index. If the server never started it, an empty one of this kind."""
        return self._blocks.get(index) or self.start(index, {"type": kind})

    @property
    def calls(self) -> list[Block]:
        """The calls of our tools; those beyond a bound are ignored."""
        return [block for block in self._in_order() if block.call_id][:MAX_CALLS]

    def items(self, *, with_calls: bool, is_cut_off: bool) -> tuple[dict[str, Any], ...]:
        """What can be sent back: no calls that nobody will answer, no thought that was cut off, no blank text."""
        answered = self.calls if with_calls else []
        return tuple(
            block.item()
            for block in self._in_order()
            if block.kind
            and not block.is_blank
            and (block.kind != TOOL_USE or block in answered)
            and not (is_cut_off and block.is_unsigned)
        )

    def _in_order(self) -> list[Block]:
        return [block for _, block in sorted(self._blocks.items())]


class Block:
    """One block. `kind`: its type. `characters`: of a call's arguments so far.

    A call gets an id of ours, in its item as well; one without a name has none, because nobody can answer it.
    """

    __slots__ = ("_changes", "_pieces", "_start", "call_id", "characters", "kind")

    def __init__(self, start: dict[str, Any]) -> None:
        kind = start.get("type")
        self.kind = kind if isinstance(kind, str) else ""
        self._start = start
        self.call_id = new_call_id() if self.kind == TOOL_USE and self.name else ""
        self.characters = 0
        self._pieces: list[str] = []
        self._changes: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Of the tool that it calls; empty if it calls none."""
        name = self._start.get("name")
        return clean(name).strip() if isinstance(name, str) else ""

    @property
    def calls(self) -> bool:
        """Whether it calls a tool, ours or the server's."""
        return self.kind.endswith(TOOL_USE)

    @property
    def beginning(self) -> str:
        """The text or the thought that it started with; nearly always empty."""
        beginning = self._start.get(_FIELDS.get(self.kind, ""))
        return beginning if isinstance(beginning, str) else ""

    @property
    def is_blank(self) -> bool:
        """Whether it is a text of nothing, which the API does not take back."""
        return self.kind == TEXT and not self._text().strip()

    @property
    def is_unsigned(self) -> bool:
        """Whether it is a thought that was cut off: the API takes it back only with its signature."""
        return self.kind == THINKING and not (self._changes.get("signature") or self._start.get("signature"))

    def add(self, piece: str) -> None:
        """Add a piece of its text or thought."""
        self._pieces.append(piece)

    def add_arguments(self, piece: str) -> None:
        """Add a piece of the arguments of its call. Of those that are too long, none is kept."""
        self.characters += len(piece)
        if self.characters > MAX_ARGUMENT_BYTES:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def change(self, delta: Delta) -> None:
        """Add a delta that is no such piece."""
        if delta.signature is not None:
            self._changes["signature"] = delta.signature
        elif delta.citation is not None:
            self._changes.setdefault("citations", []).append(delta.citation)

    def call(self) -> ToolUse:
        arguments = self._arguments()
        return ToolUse(self.call_id, self.name, arguments or "", is_too_long=arguments is None)

    def item(self) -> dict[str, Any]:
        """The whole block, as it goes back."""
        item = self._start | self._changes
        if self.kind in _FIELDS:
            item[_FIELDS[self.kind]] = self._text()
        elif self.calls:
            item["input"] = object_of(self._arguments() or "")
        if self.call_id:
            item |= {"id": self.call_id, "name": self.name}
        fit: dict[str, Any] = storable(item)
        return fit

    def _text(self) -> str:
        return self.beginning + "".join(self._pieces)

    def _arguments(self) -> str | None:
        """As the model wrote them; None if they are too long."""
        arguments = self._written()
        is_too_long = self.characters > MAX_ARGUMENT_BYTES or len(arguments.encode()) > MAX_ARGUMENT_BYTES
        return None if is_too_long else arguments

    def _written(self) -> str:
        """Some servers send arguments whole, with the start of the block."""
        if written := "".join(self._pieces).strip():
            return clean(written)
        start = self._start.get("input")
        return msgspec.json.encode(storable(start)).decode() if isinstance(start, dict) and start else "{}"
