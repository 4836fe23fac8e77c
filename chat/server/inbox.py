from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from chat.light_event import LightEvent

# Unread messages at which to stop reading from the network.
FULL: Final = 32


class Inbox:
    """A connection's messages for its application, in order: an `asyncio.Queue` in a tenth of the memory."""

    __slots__ = ("_arrived", "_messages", "_on_room")

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._arrived = LightEvent()
        self._on_room: Callable[[], None] | None = None

    @property
    def is_full(self) -> bool:
        return len(self._messages) >= FULL

    def put_nowait(self, message: dict[str, Any]) -> None:
        self._messages.append(message)
        self._arrived.set()

    async def get(self) -> dict[str, Any]:
        while not self._messages:
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.pop(0)
        if self._on_room is not None and not self.is_full:
            on_room, self._on_room = self._on_room, None
            on_room()
        return message

    def when_there_is_room(self, call: Callable[[], None]) -> None:
        """Call this once when the application has read enough that the inbox is no longer full."""
        self._on_room = call
