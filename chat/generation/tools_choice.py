"""Whether a person lets the model use tools in a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chat.protocol import event_data


@dataclass(frozen=True, slots=True)
class ToolsChoice:
    """Whether the model of a run may use tools. `is_new`: its turn makes the conversation remember that."""

    on: bool = True
    is_new: bool = False

    @classmethod
    def of(cls, wanted: bool | None, before: bool | None) -> ToolsChoice:
        """`wanted`: by the message. `before`: what the conversation remembers; None for a new one.

        What it remembers already is not remembered once more: it may be changed while the answer is written.
        """
        if wanted is None:
            return cls(before is not False)
        return cls(wanted, is_new=wanted != before)

    @classmethod
    def of_run(cls, start: event_data.Start) -> ToolsChoice:
        """As its `start` says, whatever the conversation remembers by now."""
        return cls(start.get("tools", True), start.get("tools_chosen", False))

    def add_to(self, start: event_data.Start) -> None:
        if self.is_new or not self.on:
            start["tools"] = self.on
        if self.is_new:
            start["tools_chosen"] = True

    @property
    def remembered(self) -> bool | None:
        """What the conversation remembers from now on; None: what it has."""
        return self.on if self.is_new else None


USUAL: Final = ToolsChoice()
