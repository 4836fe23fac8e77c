"""Limits the open sockets and streams of each user.

There are two implementations, as for the stream log: for this process only, or in Redis for all processes that share
it (`redis_connections`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, Protocol

Kind = Literal["sockets", "streams"]
Key = tuple[Kind, int]

# Browser tabs are closed and reopened within seconds; a program with too many connections needs fixing.
RETRY_SECONDS: Final = 20.0


class Full(Exception):
    """The user's limit of connections of this kind is reached."""


class Slot:
    """One open connection. It counts until `leave`, which is idempotent."""

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
        """Count another connection. Raises Full if the user already has `limit` of this kind."""

    async def close(self) -> None:
        """Reset all counts and release resources."""


class MemoryConnections:
    """Counts the connections of this process."""

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
