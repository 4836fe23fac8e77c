"""A wire to PostgreSQL that is cut after the n-th statement of a transaction.

Message formats: https://www.postgresql.org/docs/15/protocol-message-formats.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.faults.wires import CHUNK, Network, Streams, Wire

QUERY: Final = b"Q"
PARSE: Final = b"P"
READY: Final = b"Z"


class StatementWire(Wire):
    """`cut_after(n)`: the next transaction is cut after its n-th statement, whose reply is lost. BEGIN is the first.

    After that, nothing passes until `mend`. Call `cut_after` while no statement is in flight.
    """

    def __init__(self, network: Network, target: int) -> None:
        super().__init__(network, target)
        self.statements: list[str] = []
        self._limit = 0
        self._counted: Streams | None = None

    def cut_after(self, statements: int) -> None:
        self.statements = []
        self._counted = None
        self._limit = statements

    async def up(self, near: Streams, far: Streams) -> None:
        while data := await near[0].read(CHUNK):
            await self._flowing.wait()
            if self._limit:
                self._count(data, far)
            far[1].write(data)
            await far[1].drain()

    async def down(self, near: Streams, far: Streams) -> None:
        while data := await far[0].read(CHUNK):
            await self._flowing.wait()
            if self._limit and far is self._counted and len(self.statements) >= self._limit and _is_ready(data):
                self._limit = 0
                self._is_away = True
                self._abort()
                return
            near[1].write(data)
            await near[1].drain()

    def _count(self, data: bytes, far: Streams) -> None:
        for statement in _statements(data):
            if self._counted is None and statement.startswith("BEGIN"):
                self._counted = far
            if self._counted is far:
                self.statements.append(statement)


def _statements(data: bytes) -> Iterator[str]:
    at = 0
    while at + 5 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 5], "big")
        body = data[at + 5 : at + 1 + length]
        if data[at : at + 1] == QUERY:
            yield body.rstrip(b"\0").decode()
        elif data[at : at + 1] == PARSE:
            yield body.split(b"\0")[1].decode()
        at += 1 + length


def _is_ready(data: bytes) -> bool:
    """Whether the server has finished and is ready for the next query."""
    return data[-6:-5] == READY
