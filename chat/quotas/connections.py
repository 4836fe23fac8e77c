"""How many sockets and streams a user has open.

Two counts behind one interface, as with the stream log: in this process alone, or in Redis over all processes that
share it (`redis_connections`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, Protocol

Kind = Literal["sockets", "streams"]
Key = tuple[Kind, int]

# A browser's tabs are closed and opened again within seconds; a program that holds too many has a fault to mend.
RETRY_SECONDS: Final = 20.0


class Full(Exception):
    """The user has as many connections of this kind as are allowed."""


class Slot:
    """One open connection. It counts until `leave`, which may be called again."""

    __slots__ = ("_key", "_leave")

    def __init__(self, key: Key, leave: Callable[[Key], None]) -> None:
        self._key = key
        self._leave: Callable[[Key], None] | None = leave

    def leave(self) -> None:
        if self._leave is not None:
            leave, self._leave = self._leave, None
            leave(self._key)


class Connections(Protocol):
    """Belongs to one event loop."""

    async def open(self, kind: Kind, user_id: int, *, limit: int) -> Slot:
        """Count one more. Raises Full where the user has `limit` of this kind already."""

    async def close(self) -> None:
        """Count nothing any more, and release what is held."""


class MemoryConnections:
    """Those of this process."""

    def __init__(self) -> None:
        self._open: Counter[Key] = Counter()

    async def open(self, kind: Kind, user_id: int, *, limit: int) -> Slot:
        key: Key = (kind, user_id)
        if self._open[key] >= limit:
            raise Full
        self._open[key] += 1
        return Slot(key, self._left)

    async def close(self) -> None:
        self._open.clear()

    def _left(self, key: Key) -> None:
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
