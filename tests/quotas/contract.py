"""What every counter of connections guarantees. The test of a counter subclasses this and creates the counter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chat.quotas.connections import Connections, Full, Slot

ALICE, BOB = 1, 2
LIMIT = 3


class ConnectionsContract:
    connections: Connections

    @pytest.fixture(autouse=True)
    async def made_connections(self) -> AsyncIterator[None]:
        self.connections = await self.make_connections()
        yield
        await self.connections.close()

    async def make_connections(self) -> Connections:
        raise NotImplementedError

    async def opened(self, count: int, *, limit: int = LIMIT, user_id: int = ALICE) -> list[Slot]:
        return [await self.connections.open("sockets", user_id, limit=limit) for _ in range(count)]

    async def test_connections_per_user_are_limited(self) -> None:
        await self.opened(LIMIT)
        with pytest.raises(Full):
            await self.opened(1)

    async def test_with_a_higher_limit_there_is_room(self) -> None:
        """The control: it is the limit that refuses."""
        await self.opened(LIMIT)
        await self.opened(1, limit=LIMIT + 1)

    async def test_the_limit_of_one_user_does_not_affect_others(self) -> None:
        await self.opened(LIMIT)
        await self.opened(LIMIT, user_id=BOB)

    async def test_sockets_and_streams_are_counted_separately(self) -> None:
        await self.opened(LIMIT)
        await self.connections.open("streams", ALICE, limit=1)

    async def test_a_released_place_is_free(self) -> None:
        places = await self.opened(LIMIT)
        places[0].leave()
        await self.opened(1)
        with pytest.raises(Full):
            await self.opened(1)

    async def test_a_place_is_released_only_once(self) -> None:
        places = await self.opened(LIMIT)
        places[0].leave()
        places[0].leave()
        await self.opened(1)
        with pytest.raises(Full):
            await self.opened(1)

    async def test_many_concurrent_connections_do_not_exceed_the_limit(self) -> None:
        results = await asyncio.gather(*(self.opened(1) for _ in range(5 * LIMIT)), return_exceptions=True)
        assert sum(not isinstance(each, Full) for each in results) == LIMIT
        assert all(isinstance(each, list | Full) for each in results)

    async def test_a_cancelled_request_holds_no_place(self) -> None:
        for ticks in range(12):
            asking = [asyncio.create_task(self.opened(1)) for _ in range(LIMIT)]
            for _ in range(ticks):
                await asyncio.sleep(0)
            for task in asking:
                task.cancel()
            for result in await asyncio.gather(*asking, return_exceptions=True):
                if isinstance(result, list):
                    result[0].leave()
        await self.opened(LIMIT)
