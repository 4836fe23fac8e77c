"""Follows runs through Redis pub/sub: one feed for each run that has readers in this process.

Pub/sub may lose messages. The next message reveals a gap, but nothing follows the last one. Therefore every followed
run's position is polled every `check_seconds`, which also registers this process as a follower.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final, cast

from redis.asyncio import ConnectionPool

from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event
from chat.streams.base import Batch, LogUnavailable, RunState
from chat.streams.entries import decode
from chat.streams.redis import keys
from chat.streams.redis.feeds import Feed, Position
from chat.streams.redis.pipeline import Pipeline
from chat.streams.redis.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

# The longest a reader waits for its subscription. Until it is active, the reader relies on polling.
SUBSCRIBE_SECONDS: Final = 1.0
# A process stops counting as a follower after missing this many checks.
FOLLOWING_CHECKS: Final = 3


class Following:
    """`is_owned`: whether this process appends to the run itself; if so, it calls `offer` with what it has appended.

    `on_stop(run_id)` is called when a stop is requested, `on_connect()` when such a message may have been missed.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        calls: Pipeline,
        *,
        prefix: str,
        process: str,
        check_seconds: float,
        lost_after: float,
        is_owned: Callable[[str], bool],
        on_stop: Callable[[str], None],
        on_connect: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._prefix = prefix
        self._process = process
        self._check_seconds = check_seconds
        self._lost_after = lost_after
        self._is_owned = is_owned
        self._on_stop = on_stop
        self._on_connect = on_connect
        self._feeds: dict[str, Feed] = {}
        self._look = asyncio.Event()
        self._checking: asyncio.Task[None] | None = None
        self._control = keys.name(prefix, "control")
        self._subscriptions = Subscriptions(
            pool, on_message=self._hear, on_connect=self._connected, ping_seconds=check_seconds
        )

    def follows(self, run_id: str) -> bool:
        return run_id in self._feeds

    def listen(self) -> None:
        """Subscribe to stop requests."""
        self._subscriptions.add(self._control)

    async def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        feed = self._feeds.get(run_id)
        if feed is None:
            feed = self._feeds[run_id] = Feed(run_id, self._read, lost_after=self._lost_after)
        feed.followers += 1
        try:
            if not self._is_owned(run_id):
                await self._subscribe(run_id)
            self._check()
            async with aclosing(feed.follow(after, limit=limit)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            feed.followers -= 1
            if not feed.followers:
                self._leave(run_id)

    def offer(self, run_id: str, epoch: str, first: int, events: Sequence[Event]) -> None:
        """Add events that this process has appended."""
        if feed := self._feeds.get(run_id):
            feed.offer(epoch, first, events)

    def doubt(self, run_id: str) -> None:
        """The run's log may have been restored under a new epoch."""
        if feed := self._feeds.get(run_id):
            feed.doubt()

    def disowned(self, run_id: str) -> None:
        """This process has lost ownership of the run; another may continue it."""
        if feed := self._feeds.get(run_id):
            self._subscriptions.add(self._channel(run_id))
            feed.doubt()

    def look(self) -> None:
        """Poll every position now: messages may have been lost."""
        self._look.set()

    async def close(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await self._subscriptions.close()

    def _connected(self) -> None:
        self.look()
        self._on_connect()

    async def _subscribe(self, run_id: str) -> None:
        channel = self._channel(run_id)
        self._subscriptions.add(channel)
        with suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await self._subscriptions.subscribed(channel)

    def _leave(self, run_id: str) -> None:
        del self._feeds[run_id]
        self._subscriptions.remove(self._channel(run_id))
        left = self._calls.call("followers", run_id, self._process, patience=self._check_seconds)
        # Not awaited: if it fails, the registration expires on its own.
        left.add_done_callback(lambda answer: answer.cancelled() or answer.exception())

    def _channel(self, run_id: str) -> str:
        return keys.name(self._prefix, "events", run_id)

    def _hear(self, channel: str, payload: bytes) -> None:
        if channel == self._control:
            command, _, run_id = payload.decode().partition(" ")
            if command == "stop":
                self._on_stop(run_id)
            return
        feed = self._feeds.get(channel.rpartition(":")[2])
        if feed is not None:
            epoch, first, entries = payload.split(b" ", 2)
            feed.offer(epoch.decode(), int(first), decode(entries))

    def _check(self) -> None:
        if self._checking is None:
            self._checking = asyncio.get_running_loop().create_task(self._watch(), name="stream log positions")

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._check_seconds):
                    await self._look.wait()
            self._look.clear()
            await asyncio.gather(*(self._look_at(feed) for feed in list(self._feeds.values())))

    async def _look_at(self, feed: Feed) -> None:
        try:
            place = await self._place(feed.run_id, None, 0, patience=self._check_seconds)
        except LogUnavailable:
            return
        if place is None:
            feed.doubt()
        else:
            feed.observe(place)

    async def _read(self, run_id: str, after: Cursor | None, limit: int) -> Position | None:
        """Read with no timeout: a reader waits until Redis is back, or leaves."""
        return await self._place(run_id, after, limit, patience=math.inf)

    async def _place(self, run_id: str, after: Cursor | None, limit: int, *, patience: float) -> Position | None:
        epoch, seq = (after.epoch, after.seq) if after else ("", 0)
        following = round(FOLLOWING_CHECKS * self._check_seconds * 1000)
        reply: Any = await self._calls.call(
            "read", run_id, epoch, seq, limit, self._process, following, patience=patience
        )
        return None if reply is None else place_of(reply, seq)


def place_of(reply: Sequence[bytes], seq: int) -> Position:
    """Parse the reply of `read` for the entries after `seq`."""
    epoch, last, state, attempt, payload = reply
    entries = [Entry(number, event.name, event.data) for number, event in enumerate(decode(payload), start=seq + 1)]
    return Position(
        cursor=Cursor(epoch.decode(), int(last)),
        state=cast(RunState, state.decode()),
        attempt=int(attempt),
        entries=entries,
    )
