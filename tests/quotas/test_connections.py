from __future__ import annotations

from chat.quotas.connections import MemoryConnections
from tests.quotas.contract import ConnectionsContract


class TestMemoryConnections(ConnectionsContract):
    async def make_connections(self) -> MemoryConnections:
        return MemoryConnections()

    async def test_users_who_have_left_are_forgotten(self) -> None:
        for place in await self.opened(2):
            place.leave()
        assert not self.connections._open  # type: ignore[attr-defined]
