"""The stream log in this process's memory: nothing to install, one process, gone when it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from chat.events import Cursor, Entry, Event, merge
from chat.limits import SlidingWindow
from chat.streams.base import (
    ENTRY_BYTES,
    KEEP_FAILED_SECONDS,
    KEEP_SAVED_SECONDS,
    MINUTE_SECONDS,
    Appended,
    Batch,
    Busy,
    Claim,
    Created,
    Duplicate,
    Fenced,
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

KEEP_BYTES: Final = 64 * 1024 * 1024


class MemoryLog:
    """Belongs to one event loop: between two awaits nothing else runs, so every method is atomic.

    Ended runs are kept for the times above, and at most `keep_bytes` of them: the oldest saved ones go first.
    """

    is_shared: ClassVar[bool] = False

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, keep_bytes: int = KEEP_BYTES) -> None:
        self._clock = clock
        self._keep_bytes = keep_bytes
        self._runs: dict[str, _Run] = {}
        self._sent: dict[tuple[int, str], str] = {}
        self._slots: dict[str, str] = {}
        self._made = SlidingWindow(MINUTE_SECONDS, clock=clock)

    async def create(
        self, request: RunRequest, *, live_limit: int, per_minute: int | None = None
    ) -> Created | Duplicate | Busy | TooMany | TooFast:
        self._drop_expired()
        if sent := self._sent.get((request.owner_id, request.client_message_id)):
            return Duplicate(self._runs[sent].info)
        if holder := self._slots.get(request.conversation_id):
            return Busy(self._runs[holder].info)
        live = sum(self._runs[run_id].request.owner_id == request.owner_id for run_id in self._slots.values())
        if live >= live_limit:
            return TooMany(live)
        if per_minute is not None and (wait := self._made.take(request.owner_id, limit=per_minute)):
            return TooFast(wait)
        run = _Run(request, new_epoch(), self._clock())
        run.append([request.start])
        self._runs[request.run_id] = run
        self._sent[request.owner_id, request.client_message_id] = request.run_id
        self._slots[request.conversation_id] = request.run_id
        return Created(run.info, run.token)

    async def append(self, run_id: str, events: Sequence[Event], *, token: int) -> Appended:
        run = self._owned(run_id, token)
        run.append(events)
        if run.state != "live":
            del self._slots[run.request.conversation_id]
            run.ended_at = self._clock()
            self._drop_expired()
        return Appended(run.cursor, run.stop.is_set())

    async def follow(self, run_id: str, after: Cursor | None, *, limit: int) -> AsyncGenerator[Batch, None]:
        run = self._get(run_id)
        seq = 0
        with run.follower(self._clock):
            if after is not None:
                if after.epoch == run.epoch and after.seq <= len(run.entries):
                    seq = after.seq
                else:
                    yield Batch(run.epoch, [Entry(0, "reset", {"attempt": run.attempt, "reason": "unknown_cursor"})])
            while run.state == "live" or seq < len(run.entries):
                if seq == len(run.entries):
                    await run.grown()
                    continue
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
        return [run.info for run in self._runs.values() if run.request.owner_id == owner_id]

    async def entries(self, run_id: str) -> Sequence[Entry]:
        return tuple(self._get(run_id).entries)

    async def request_stop(self, run_id: str) -> bool:
        run = self._get(run_id)
        if run.state != "live" or run.stop.is_set():
            return False
        run.stop.set()
        return True

    async def stop_requested(self, run_id: str) -> None:
        await self._get(run_id).stop.wait()

    async def finish(self, run_id: str, completion: Mapping[str, Any], *, token: int) -> None:
        """Nobody will ask: who could take the run over would not have this memory."""
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
            self._drop(run)

    async def is_ready(self) -> bool:
        return True

    async def close(self) -> None:
        self._runs.clear()
        self._sent.clear()
        self._slots.clear()

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
        now = self._clock()
        ended = sorted((run for run in self._runs.values() if run.state != "live"), key=lambda run: run.ended_at)
        size = sum(run.size for run in ended)
        # What failed is nowhere else: it goes last.
        for run in sorted(ended, key=lambda run: run.state == "error"):
            keep = KEEP_FAILED_SECONDS if run.state == "error" else KEEP_SAVED_SECONDS
            if size > self._keep_bytes or now - run.ended_at > keep:
                size -= run.size
                self._drop(run)

    def _drop(self, run: _Run) -> None:
        del self._runs[run.request.run_id]
        del self._sent[run.request.owner_id, run.request.client_message_id]


class _Run:
    """One run's entries, and who waits for more of them."""

    def __init__(self, request: RunRequest, epoch: str, now: float) -> None:
        self.request = request
        self.epoch = epoch
        self.token = 1
        self.attempt = 1
        self.state: RunState = "live"
        self.entries: list[Entry] = []
        self.size = 0
        self.ended_at = 0.0
        self.unfollowed_at = now
        self.stop = asyncio.Event()
        self.unfollowed = asyncio.Event()
        self.unfollowed.set()
        self._sizes: list[int] = []
        self._followers = 0
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, len(self.entries))

    @property
    def info(self) -> RunInfo:
        request = self.request
        return RunInfo(
            run_id=request.run_id,
            owner_id=request.owner_id,
            conversation_id=request.conversation_id,
            client_message_id=request.client_message_id,
            fingerprint=request.fingerprint,
            title=request.title,
            state=self.state,
            cursor=self.cursor,
        )

    def append(self, events: Sequence[Event]) -> None:
        for event in events:
            if self.state != "live":
                raise ValueError("A terminal event is the last one.")
            self.entries.append(Entry(len(self.entries) + 1, event.name, event.data))
            self._sizes.append(size_of(event))
            self.size += self._sizes[-1] + ENTRY_BYTES
            self.state = state_after(event)
            if event.name == "reset":
                self.attempt = event.data["attempt"]
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def take(self, seq: int, limit: int) -> Sequence[Entry]:
        """Entries after `seq`: at least one, and more as long as they fit into `limit` bytes of text."""
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
