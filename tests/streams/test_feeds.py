from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from chat.events import Cursor, Entry, token
from chat.streams import feeds
from chat.streams.feeds import Feed, Place

EPOCH = "abcdefgh"


class Redis:
    """Answers as one that knows of `seq` entries."""

    def __init__(self) -> None:
        self.seq = 5
        self.reads = 0

    async def read(self, run_id: str, after: Cursor | None, limit: int) -> Place:
        self.reads += 1
        await asyncio.sleep(0)
        first = after.seq + 1 if after else 1
        entries = [Entry(seq, "token", {"text": str(seq)}) for seq in range(first, self.seq + 1)]
        return Place(Cursor(EPOCH, self.seq), "live", 1, entries)


async def text_of(batches: AsyncIterator[feeds.Batch]) -> str:
    return "".join(entry.data["text"] for entry in (await anext(batches)).entries)


async def test_a_redis_that_knows_less_than_it_did_is_not_asked_again_and_again() -> None:
    """After a restart with older data, until the owner brings back the rest: that may take as long as a lease."""
    redis = Redis()
    feed = Feed("run", redis.read, lost_after=60)
    async with aclosing(feed.follow(None, limit=1000)) as batches:
        assert await text_of(batches) == "12345"
        feed.observe(Place(Cursor(EPOCH, 9), "live", 1, []))
        redis.reads = 0
        waiting = asyncio.create_task(text_of(batches))
        for _ in range(500):
            await asyncio.sleep(0)
        assert redis.reads < 3
        feed.offer(EPOCH, 6, [token("6"), token("7"), token("8"), token("9"), token("!")])
        redis.seq = 10
        async with asyncio.timeout(20):
            assert (await waiting).endswith("10")
