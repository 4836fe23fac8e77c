"""The stream log in memory: nothing to install, for a single process, lost when the process exits."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from chat.protocol.cursors import Cursor
from chat.protocol.events import MERGEABLE, Entry, Event, merge
from chat.rate_limit import SlidingWindow
from chat.streams.base import (
    KEEP_FAILED_SECONDS,
    KEEP_SAVED_SECONDS,
    MINUTE_SECONDS,
    ROOM_BYTES,
    Appended,
    Batch,
    Budget,
    Busy,
    Claim,
    Created,
    Duplicate,
    Fenced,
    Full,
    Lost,
    NoRoom,
    RunInfo,
    RunNotFound,
    RunRequest,
    RunState,
    TooFast,
    TooMany,
    new_epoch,
    size_of,
    state_after,
)
from chat.streams.entries import encode

# Approximate overhead of an entry besides its text, and of a run besides its entries.
HELD_BYTES: Final = 300
RUN_BYTES: Final = 2500
OF_ALL: Final = "all"


class MemoryLog:
    """Belongs to one event loop: nothing else runs between two awaits, so every method is atomic.

    Ended runs are kept for KEEP_SAVED_SECONDS or KEEP_FAILED_SECONDS; their logs may be dropped earlier to make room.
    """

    is_shared: ClassVar[bool] = False

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, budget: Budget | None = None) -> None:
        self._clock = clock
        self._budget = budget or Budget()
        self._runs: dict[str, _Run] = {}
        self._by_owner: dict[int, dict[str, _Run]] = {}
        self._sent: dict[tuple[int, str], str] = {}
        self._slots: dict[str, str] = {}
        # Ended runs, oldest first.
        self._saved: dict[str, _Run] = {}
        self._failed: dict[str, _Run] = {}
        self._made = SlidingWindow(MINUTE_SECONDS, clock=clock)

    async def create(
        self,
        request: RunRequest,
        *,
        live_limit: int,
        per_minute: int | None = None,
        live_limit_of_all: int | None = None,
        per_minute_of_all: int | None = None,
    ) -> Created | Duplicate | Busy | TooMany | TooFast | Full:
        self._drop_expired()
        if sent := self._sent.get((request.owner_id, request.client_message_id)):
            return Duplicate(self._runs[sent].info)
        if holder := self._slots.get(request.conversation_id):
            return Busy(self._runs[holder].info)
        live = sum(self._runs[run_id].request.owner_id == request.owner_id for run_id in self._slots.values())
        if live >= live_limit:
            return TooMany(live)
        if live_limit_of_all is not None and len(self._slots) >= live_limit_of_all:
            return TooMany(len(self._slots), of_all=True)
        if wait := self._made.take(request.owner_id, limit=_limit(per_minute)):
            return TooFast(wait)
        if wait := self._made.take(OF_ALL, limit=_limit(per_minute_of_all)):
            self._made.give_back(request.owner_id)
            return TooFast(wait, of_all=True)
        run = _Run(request, new_epoch(), self._clock())
        run.append([request.start], _held(request.start))
        if full := self._make_room(run):
            self._made.give_back(request.owner_id)
            self._made.give_back(OF_ALL)
            return full
        self._runs[request.run_id] = run
        self._by_owner.setdefault(request.owner_id, {})[request.run_id] = run
        self._sent[request.owner_id, request.client_message_id] = request.run_id
        self._slots[request.conversation_id] = request.run_id
        return Created(run.info, run.token)

    async def append(self, run_id: str, events: Sequence[Event], *, token: int) -> Appended:
        run = self._owned(run_id, token)
        size = sum(map(_held, events))
        if run.size + size > run.room and not events[-1].is_terminal and self._make_room(run, size):
            raise NoRoom(run_id)
        run.append(events, size)
        if run.state != "live":
            del self._slots[run.request.conversation_id]
            run.ended_at = self._clock()
            (self._failed if run.state == "error" else self._saved)[run_id] = run
            self._drop_expired()
        return Appended(run.cursor, run.stop.is_set())

    async def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        run = self._get(run_id)
        seq = 0
        if run.is_dropped and after != run.cursor:
            raise RunNotFound(run_id)
        with run.follower(self._clock):
            if after is not None:
                if after.epoch == run.epoch and after.seq <= run.cursor.seq:
                    seq = after.seq
                else:
                    yield Batch(run.epoch, [Entry(0, "reset", {"attempt": run.attempt, "reason": "unknown_cursor"})])
            while run.state == "live" or seq < run.cursor.seq:
                if seq == run.cursor.seq:
                    await run.grown()
                    continue
                if run.is_dropped:
                    raise Lost(run_id)
                batch = Batch(run.epoch, merge(run.take(seq, limit)))
                seq = batch.cursor.seq
                yield batch

    async def find(self, run_id: str) -> RunInfo | None:
        run = self._runs.get(run_id)
        return run.info if run else None

    async def find_sent(self, owner_id: int, client_message_id: str) -> RunInfo | None:
        run_id = self._sent.get((owner_id, client_message_id))
        return self._runs[run_id].info if run_id else None

    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        return [run.info for run in self._by_owner.get(owner_id, {}).values()]

    async def entries(self, run_id: str) -> Sequence[Entry]:
        run = self._get(run_id)
        if run.is_dropped:
            raise RunNotFound(run_id)
        return tuple(run.entries)

    async def request_stop(self, run_id: str) -> bool:
        run = self._get(run_id)
        if run.state != "live" or run.stop.is_set():
            return False
        run.stop.set()
        return True

    async def stop_requested(self, run_id: str) -> None:
        await self._get(run_id).stop.wait()

    async def finish(self, run_id: str, completion: Mapping[str, Any], *, token: int) -> None:
        """Nothing to store: no other process could take the run over."""
        self._owned(run_id, token)

    async def checkpoint(self, run_id: str, state: Mapping[str, Any], *, token: int) -> None:
        """Nothing to store: no other process could take the run over."""
        self._owned(run_id, token)

    async def release(self, run_id: str, *, token: int, failed: bool = False) -> bool:
        return False

    async def claim_expired(self) -> list[Claim]:
        return []

    async def abandoned(self, run_id: str, *, grace: float) -> None:
        run = self._get(run_id)
        while True:
            await run.unfollowed.wait()
            remaining = grace - (self._clock() - run.unfollowed_at)
            if remaining <= 0:
                return
            await asyncio.sleep(remaining)

    async def forget(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is not None and run.state != "live":
            self._forget(run)

    async def is_ready(self) -> bool:
        return True

    async def close(self) -> None:
        self._runs.clear()
        self._by_owner.clear()
        self._sent.clear()
        self._slots.clear()
        self._saved.clear()
        self._failed.clear()

    def _get(self, run_id: str) -> _Run:
        try:
            return self._runs[run_id]
        except KeyError:
            raise RunNotFound(run_id) from None

    def _owned(self, run_id: str, token: int) -> _Run:
        run = self._get(run_id)
        if token != run.token or run.state != "live":
            raise Fenced(run_id)
        return run

    def _drop_expired(self) -> None:
        for ended, keep in ((self._saved, KEEP_SAVED_SECONDS), (self._failed, KEEP_FAILED_SECONDS)):
            while ended and self._clock() - (oldest := next(iter(ended.values()))).ended_at > keep:
                self._forget(oldest)

    def _make_room(self, run: _Run, size: int = 0) -> Full | None:
        """Reserve room for `size` more bytes and some growth, dropping logs of ended runs. Full if that fails.

        Every live run counts with all the room it has reserved.
        """
        room, owner = run.size + size + ROOM_BYTES, run.request.owner_id
        others = [other for run_id in self._slots.values() if (other := self._runs[run_id]) is not run]
        total = room + sum(other.room for other in others)
        own = room + sum(other.room for other in others if other.request.owner_id == owner)
        if own > self._budget.per_owner:
            return Full(of_all=False)
        if total > self._budget.total:
            return Full(of_all=True)
        ended = [*self._saved.values(), *self._failed.values()]
        _drop_logs([each for each in ended if each.request.owner_id == owner], self._budget.per_owner - own)
        _drop_logs(ended, self._budget.total - total)
        run.room = room
        return None

    def _forget(self, run: _Run) -> None:
        run_id, owner_id = run.request.run_id, run.request.owner_id
        del self._runs[run_id]
        del self._by_owner[owner_id][run_id]
        if not self._by_owner[owner_id]:
            del self._by_owner[owner_id]
        del self._sent[owner_id, run.request.client_message_id]
        self._saved.pop(run_id, None)
        self._failed.pop(run_id, None)


def _limit(per_minute: int | None) -> int:
    return sys.maxsize if per_minute is None else per_minute


def _drop_logs(runs: Sequence[_Run], room: int) -> None:
    """Drop the logs of the first runs until the rest fits."""
    size = sum(run.size for run in runs)
    for run in runs:
        if size <= room:
            return
        size -= run.size
        run.drop_log()


def _held(event: Event) -> int:
    """Approximate memory use of an event. Text takes up to four bytes per character."""
    if event.name in MERGEABLE:
        return HELD_BYTES + sys.getsizeof(event.data["text"])
    if event.name == "start":
        return HELD_BYTES + RUN_BYTES + sys.getsizeof(event.data["user_message"]["text"])
    return HELD_BYTES + 4 * len(encode(event))


class _Run:
    """A run's entries, and the readers waiting for more."""

    def __init__(self, request: RunRequest, epoch: str, now: float) -> None:
        self.request = request
        self.epoch = epoch
        self.token = 1
        self.attempt = 1
        self.state: RunState = "live"
        self.entries: list[Entry] = []
        self.size = 0
        self.room = 0
        self.is_dropped = False
        self.ended_at = 0.0
        self.unfollowed_at = now
        self.stop = asyncio.Event()
        self.unfollowed = asyncio.Event()
        self.unfollowed.set()
        self._sizes: list[int] = []
        self._seq = 0
        self._info: RunInfo | None = None
        self._followers = 0
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self._seq)

    @property
    def info(self) -> RunInfo:
        """Made once: each message asks for all of its owner's, and most of them have ended."""
        if self._info is None:
            request = self.request
            self._info = RunInfo(
                run_id=request.run_id,
                owner_id=request.owner_id,
                conversation_id=request.conversation_id,
                client_message_id=request.client_message_id,
                fingerprint=request.fingerprint,
                title=request.title,
                state=self.state,
                cursor=self.cursor,
                has_log=not self.is_dropped,
            )
        return self._info

    def append(self, events: Sequence[Event], size: int) -> None:
        self._info = None
        self.size += size
        for event in events:
            if self.state != "live":
                raise ValueError("No event may follow a terminal event.")
            self._seq += 1
            self.entries.append(Entry(self._seq, event.name, event.data))
            self._sizes.append(size_of(event))
            self.state = state_after(event)
            if event.name == "reset":
                self.attempt = event.data["attempt"]
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def drop_log(self) -> None:
        """Drop the log of an ended run. Current readers get Lost."""
        self._info = None
        self.is_dropped = True
        self.entries.clear()
        self._sizes.clear()
        self.size = 0

    def take(self, seq: int, limit: int) -> Sequence[Entry]:
        """Entries after `seq`: at least one, then as many as fit within `limit` bytes of text."""
        end, size = seq + 1, self._sizes[seq]
        while end < len(self.entries) and size + self._sizes[end] <= limit:
            size += self._sizes[end]
            end += 1
        return self.entries[seq:end]

    async def grown(self) -> None:
        """Wait for the next append."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    @contextmanager
    def follower(self, clock: Callable[[], float]) -> Iterator[None]:
        self._followers += 1
        self.unfollowed.clear()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self.unfollowed_at = clock()
                self.unfollowed.set()
