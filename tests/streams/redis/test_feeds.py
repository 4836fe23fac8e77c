from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing

from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event, token
from chat.streams.redis import feeds
from chat.streams.redis.feeds import Feed, Position

EPOCH = "abcdefgh"


class Redis:
    """A fake Redis that has `seq` entries."""

    def __init__(self) -> None:
        self.seq = 5
        self.reads = 0

    async def read(self, run_id: str, after: Cursor | None, limit: int) -> Position:
        self.reads += 1
        await asyncio.sleep(0)
        first = after.seq + 1 if after else 1
        entries = [Entry(seq, "token", {"text": str(seq)}) for seq in range(first, self.seq + 1)]
        return Position(Cursor(EPOCH, self.seq), "live", 1, entries)


async def text_of(batches: AsyncIterator[feeds.Batch]) -> str:
    return "".join(entry.data["text"] for entry in (await anext(batches)).entries)


async def test_a_redis_with_lost_entries_is_not_read_repeatedly() -> None:
    """After a restart with older data, until the owner restores the rest, which may take as long as a lease."""
    redis = Redis()
    feed = Feed("run", redis.read, lost_after=60)
    async with aclosing(feed.follow(None, limit=1000)) as batches:
        assert await text_of(batches) == "12345"
        feed.observe(Position(Cursor(EPOCH, 9), "live", 1, []))
        redis.reads = 0
        waiting = asyncio.create_task(text_of(batches))
        for _ in range(500):
            await asyncio.sleep(0)
        assert redis.reads < 3
        feed.offer(EPOCH, 6, [token("6"), token("7"), token("8"), token("9"), token("!")])
        redis.seq = 10
        async with asyncio.timeout(60):
            assert (await waiting).endswith("10")


async def test_readers_starting_together_share_one_redis_read() -> None:
    redis = Redis()
    feed = Feed("run", redis.read, lost_after=60)

    async def first() -> str:
        async with aclosing(feed.follow(None, limit=1000)) as batches:
            return await text_of(batches)

    crowd = [asyncio.create_task(first()) for _ in range(60)]
    await asyncio.sleep(0)
    crowd[0].cancel()
    assert await asyncio.gather(*crowd[1:]) == ["12345"] * 59
    assert redis.reads == 1
    # Control: a later reader reads Redis again, because there may be more.
    redis.seq = 6
    assert await first() == "123456"
    assert redis.reads == 2


async def test_a_stalled_reader_holds_only_its_current_batch() -> None:
    class ReadPlace(Position):
        """A subclass, because objects with only slots cannot be weakly referenced."""

    places: list[weakref.ref[Position]] = []
    redis = Redis()

    async def read(run_id: str, after: Cursor | None, limit: int) -> Position:
        place = await redis.read(run_id, after, limit)
        kept = ReadPlace(place.cursor, place.state, place.attempt, place.entries)
        places.append(weakref.ref(kept))
        return kept

    async with aclosing(Feed("run", read, lost_after=60).follow(None, limit=1000)) as batches:
        assert await text_of(batches) == "12345"
        assert [place() for place in places] == [None]


async def test_a_stalled_reader_keeps_no_dropped_entries() -> None:
    class Text(dict[str, str]):
        """A subclass, because a plain dict cannot be weakly referenced."""

    feed = Feed("run", Redis().read, lost_after=60)
    feed.observe(Position(Cursor(EPOCH, 5), "live", 1, []))
    parts = [Text(text=str(number)) for number in range(6, 10)]
    held = [weakref.ref(part) for part in parts]
    feed.offer(EPOCH, 6, [Event("token", part) for part in parts])
    parts.clear()
    async with aclosing(feed.follow(Cursor(EPOCH, 5), limit=1000)) as batches:
        assert await text_of(batches) == "6789"
        assert None not in [part() for part in held]
        feed.doubt()
        assert [part() for part in held] == [None] * 4
