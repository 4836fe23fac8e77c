"""The newest entries of each run that is followed in this process, and the readers waiting for more.

A reader is a cursor. It takes cached entries and reads the others from Redis: text older than the reader, a gap left
by a lost message, everything if it is slow. So memory does not grow with readers, and no reader sees entries that
Redis has not acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event, merge
from chat.streams.base import Batch, Lost, RunNotFound, RunState, size_of, state_after

HELD_BYTES: Final = 64 * 1024
# How often to look for a run that Redis has lost, while its owner may still restore it.
LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Position:
    """The current end of a run's log, and the requested entries."""

    cursor: Cursor
    state: RunState
    attempt: int
    entries: Sequence[Entry]


# (run id, cursor, limit in bytes) → the position, or None if the run is not in Redis.
Read = Callable[[str, Cursor | None, int], Awaitable[Position | None]]


class Feed:
    """A run's newest entries, without gaps, up to `tip`, the last known seq."""

    def __init__(self, run_id: str, read: Read, *, lost_after: float) -> None:
        self.run_id = run_id
        self.followers = 0
        self._read = read
        self._lost_after = lost_after
        self._epoch = ""
        self._tip = 0
        self._state: RunState = "live"
        self._held: deque[tuple[Entry, int]] = deque()
        self._size = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._readings: dict[tuple[Cursor | None, int], asyncio.Future[Position | None]] = {}

    def offer(self, epoch: str, first: int, events: Sequence[Event]) -> None:
        """Add entries that Redis has acknowledged, from any source. Known ones are ignored."""
        if epoch != self._epoch:
            self._begin(epoch, first - 1)
        last = first + len(events) - 1
        if last <= self._tip:
            return
        if first > self._tip + 1:
            self._drop()
        for seq, event in enumerate(events, start=first):
            if seq > self._tip:
                self._hold(Entry(seq, event.name, event.data))
        self._tip = last
        self._state = state_after(events[-1])
        self._wake()

    def observe(self, place: Position) -> None:
        """Update from a recent position of the log. One behind `tip` is outdated and ignored."""
        if place.cursor.epoch != self._epoch:
            self._begin(place.cursor.epoch, 0)
        if place.cursor.seq > self._tip:
            self._drop()
            self._tip = place.cursor.seq
            self._wake()
        if place.state != "live" and place.cursor.seq == self._tip and self._state == "live":
            self._state = place.state
            self._wake()

    def doubt(self) -> None:
        """The log may be lost or restored under a new epoch: make every reader look in Redis."""
        self._begin("", 0)

    async def follow(self, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        place = await self._looked_up(after, limit)
        if place is None:
            raise RunNotFound(self.run_id)
        self.observe(place)
        epoch, seq = place.cursor.epoch, after.seq if after else 0
        if after is not None and not _lies_in(after, place):
            yield _reset(place, "unknown_cursor")
            seq = 0
            place = None
        while True:
            if place is None:
                if epoch == self._epoch and seq >= self._tip:
                    if self._state != "live":
                        return
                    await self._grown()
                    continue
                if batch := self._take(epoch, seq, limit):
                    seq = batch.cursor.seq
                    yield batch
                    continue
                place = await self._found(Cursor(epoch, seq), limit)
            if not _lies_in(Cursor(epoch, seq), place):
                yield _reset(place, "log_lost")
                epoch, seq = place.cursor.epoch, 0
            elif place.entries:
                # A stalled reader can stay for a long time, so it holds only the batch being sent.
                batch, place = Batch(epoch, merge(place.entries)), None
                seq = batch.cursor.seq
                yield batch
            elif self._has_lost(place):
                await self._grown_soon()
            place = None

    async def _found(self, after: Cursor, limit: int) -> Position:
        """The position in Redis. If the run is lost, waits for its owner to restore it. Raises Lost."""
        loop = asyncio.get_running_loop()
        ended, give_up = self._state != "live", loop.time() + self._lost_after
        while (place := await self._looked_up(after, limit)) is None:
            if ended or loop.time() >= give_up:
                raise Lost(self.run_id)
            await self._grown_soon()
        self.observe(place)
        return place

    async def _looked_up(self, after: Cursor | None, limit: int) -> Position | None:
        """Read from Redis. Concurrent readers with the same cursor share one read.

        When a run starts, all of a user's tabs read the same start event, which may hold 100 KB of text.
        """
        asked = (after, limit)
        reading = self._readings.get(asked)
        if reading is None:
            reading = self._readings[asked] = asyncio.ensure_future(self._read(self.run_id, after, limit))
            reading.add_done_callback(lambda done: self._was_read(asked, done))
        # `wait` does not cancel the shared read if this reader is cancelled.
        await asyncio.wait([reading])
        return reading.result()

    def _was_read(self, asked: tuple[Cursor | None, int], reading: asyncio.Future[Position | None]) -> None:
        del self._readings[asked]
        if not reading.cancelled():
            # Mark the exception as retrieved: all readers may have left.
            reading.exception()

    def _has_lost(self, place: Position) -> bool:
        """Whether Redis has lost entries that it had acknowledged, and the owner has not restored them yet."""
        following = place.cursor.seq + 1
        is_held = bool(self._held) and self._held[0][0].seq <= following
        return place.cursor.epoch == self._epoch and following <= self._tip and not is_held

    def _take(self, epoch: str, seq: int, limit: int) -> Batch | None:
        """Cached entries after `seq`: at least one, then as many as fit; None if the next one is not cached."""
        first = self._held[0][0].seq if self._held else 0
        if epoch != self._epoch or not first or seq + 1 < first:
            return None
        taken: list[Entry] = []
        size = 0
        for entry, bytes_ in islice(self._held, seq + 1 - first, None):
            size += bytes_
            if taken and size > limit:
                break
            taken.append(entry)
        return Batch(epoch, merge(taken)) if taken else None

    def _begin(self, epoch: str, tip: int) -> None:
        self._drop()
        self._epoch = epoch
        self._tip = tip
        self._state = "live"
        self._wake()

    def _hold(self, entry: Entry) -> None:
        self._held.append((entry, size_of(entry)))
        self._size += self._held[-1][1]
        while self._size > HELD_BYTES and len(self._held) > 1:
            self._size -= self._held.popleft()[1]

    def _drop(self) -> None:
        self._held.clear()
        self._size = 0

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def _grown_soon(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_SECONDS, self._lost_after)):
                await self._grown()

    async def _grown(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)


def _lies_in(cursor: Cursor, place: Position) -> bool:
    return cursor.epoch == place.cursor.epoch and cursor.seq <= place.cursor.seq


def _reset(place: Position, reason: str) -> Batch:
    return Batch(place.cursor.epoch, [Entry(0, "reset", {"attempt": place.attempt, "reason": reason})])
