"""A run, or all of a user's live runs, as Server-Sent Events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, Final, TypeVar

from django.db import Error as DatabaseError

from chat.api.streams import heartbeats
from chat.generation.draining import retry_ms
from chat.generation.engine import Engine, is_at_end
from chat.generation.replay import Archived
from chat.notices import channel
from chat.protocol.cursors import BadCursor, Cursor
from chat.protocol.errors import ApiError
from chat.protocol.events import typed
from chat.protocol.sse import RETRY_MS, encode, framed, ping
from chat.protocol.untrusted_input import parse_uuid
from chat.streams.base import Batch, LogUnavailable, RunInfo
from chat.streams.entries import encode_json

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Read from the log at a time for a client that has fallen behind; for a stalled client it stays in memory.
# A line with its event's name and ids is then at most 16 KiB: clients limit the length of a line.
CHUNK_BYTES: Final = 15 * 1024
FIND_AGAIN_SECONDS: Final = 1.0


async def one_run(engine: Engine, run: RunInfo | Archived, after: Cursor | None) -> AsyncGenerator[bytes, None]:
    """The run's events after a cursor, up to its terminal event, or until the server shuts down."""
    yield ping(heartbeats.live(), retry_ms=RETRY_MS, id=str(after) if after else None)
    batches = engine.follow(run, after, limit=CHUNK_BYTES)
    departure = engine.draining.departure(lambda: False)
    async with aclosing(batches), aclosing(with_heartbeats(batches, departure, heartbeats.live)) as items:
        async for batch in items:
            yield batch if isinstance(batch, bytes) else encode_batch(batch)


def encode_batch(batch: Batch) -> bytes:
    return b"".join(
        framed(entry.name, encode_json(typed(entry.name, entry.data)), id=str(Cursor(batch.epoch, entry.seq)))
        for entry in batch.entries
    )


async def with_heartbeats(
    items: AsyncGenerator[T, None],
    departure: Coroutine[Any, Any, None],
    longest: Callable[[], float],
    now: Callable[[], float] | None = None,
) -> AsyncGenerator[T | bytes, None]:
    """The items, and a ping after each `now()` seconds of silence (default and maximum: `longest()`).

    When `departure` returns, it ends between two items, with a ping that says when to reconnect.
    """
    departing = asyncio.ensure_future(departure)
    try:
        while True:
            following = asyncio.ensure_future(anext(items, _END))
            try:
                while not await _either(following, departing, seconds=(now or longest)()):
                    yield ping(longest())
            finally:
                if not following.done():
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
            if following.cancelled():
                yield ping(longest(), retry_ms=retry_ms())
                return
            item = following.result()
            if item is _END:
                return
            yield item
    finally:
        departing.cancel()
        await asyncio.gather(departing, return_exceptions=True)


async def _either(*tasks: asyncio.Future[Any], seconds: float) -> bool:
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


_END: Any = object()


class Cursors:
    """The id of a multiplexed stream: every run's cursor, as `<run id>:<cursor>` separated by commas."""

    def __init__(self, cursors: dict[str, Cursor]) -> None:
        self._cursors = cursors

    @classmethod
    def parse(cls, text: str) -> Cursors:
        """Raises BadCursor."""
        cursors = {}
        for part in filter(None, text.split(",")):
            run_id, _, cursor = part.partition(":")
            known = parse_uuid(run_id)
            if known is None:
                raise BadCursor("An id of this stream looks like <run id>:<cursor>,…")
            cursors[known] = Cursor.parse(cursor)
        return cls(cursors)

    def __str__(self) -> str:
        return ",".join(f"{run_id}:{cursor}" for run_id, cursor in self._cursors.items())

    def get(self, run_id: str) -> Cursor | None:
        return self._cursors.get(run_id)

    def moved(self, run_id: str, cursor: Cursor) -> None:
        self._cursors[run_id] = cursor

    def ended(self, run_id: str) -> None:
        """Forget this run's cursor: it has no more events."""
        self._cursors.pop(run_id, None)

    @property
    def run_ids(self) -> list[str]:
        return list(self._cursors)


class Multiplex:
    """All of a user's live runs and notices on one stream; runs that start later join automatically."""

    def __init__(self, engine: Engine, user_id: int, cursors: Cursors) -> None:
        self._engine = engine
        self._user_id = user_id
        self._cursors = cursors
        # Holds one item: each follower waits until its last batch has been sent.
        self._ready: asyncio.Queue[Callable[[], bytes]] = asyncio.Queue(1)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Runs that were followed to their end here.
        self._ended: set[str] = set()
        # Set once the client's runs are resumed from its cursors; until then no run may join from its beginning.
        self._joined = asyncio.Event()
        self._broken = asyncio.Event()

    @property
    def run_ids(self) -> list[str]:
        """The runs that are being followed."""
        return list(self._tasks)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        yield ping(heartbeats.idle(), retry_ms=RETRY_MS)
        own = [asyncio.create_task(self._follow_notices()), asyncio.create_task(self._keep_joining())]
        for task in own:
            task.add_done_callback(self._look_at)
        chunks = self._chunks()
        beating = with_heartbeats(chunks, self._departure(), heartbeats.idle, self._heartbeat)
        try:
            async with aclosing(chunks), aclosing(beating) as items:
                async for chunk in items:
                    yield chunk
        finally:
            tasks = [*own, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _heartbeat(self) -> float:
        return heartbeats.live() if self._tasks else heartbeats.idle()

    async def _departure(self) -> None:
        """Return when the client has to reconnect: the server shuts down, or a task of this stream failed."""
        leaving = asyncio.ensure_future(self._engine.draining.departure(self._is_idle))
        broken = asyncio.ensure_future(self._broken.wait())
        try:
            await asyncio.wait([leaving, broken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (leaving, broken):
                each.cancel()

    def _is_idle(self) -> bool:
        return self._joined.is_set() and not self._tasks and self._ready.empty()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            yield (await self._ready.get())()

    async def _resume(self) -> None:
        """Resume every run of the client's cursors, from the database if it is no longer in the log."""
        for run_id in self._cursors.run_ids:
            cursor = self._cursors.get(run_id)
            run = await self._find(run_id)
            if run is None or (cursor is not None and is_at_end(run, cursor)):
                self._cursors.ended(run_id)
            else:
                self._start(run_id, run, cursor)

    async def _find(self, run_id: str) -> RunInfo | Archived | None:
        """The run; None if the user may not read it. Retries while the log or the database is unavailable."""
        while True:
            try:
                return await self._engine.find(self._user_id, run_id)
            except ApiError:
                return None
            except (LogUnavailable, DatabaseError) as error:
                logger.warning("sse: resuming failed for run %s, retrying: %r", run_id, error)
                await asyncio.sleep(FIND_AGAIN_SECONDS)

    async def _join_runs(self) -> None:
        """Follow all live runs. If the log is unavailable, `_keep_joining` tries again."""
        try:
            runs = await self._engine.log.runs_of(self._user_id)
        except LogUnavailable:
            return
        for run in runs:
            if run.is_live and run.run_id not in self._tasks and run.run_id not in self._ended:
                self._start(run.run_id, run, None)

    async def _keep_joining(self) -> None:
        """Look for new runs periodically, because a notice may be lost."""
        await self._joined.wait()
        while True:
            await asyncio.sleep(heartbeats.idle())
            await self._join_runs()

    def _start(self, run_id: str, run: RunInfo | Archived, after: Cursor | None) -> None:
        task = asyncio.create_task(self._follow(run_id, run, after))
        self._tasks[run_id] = task
        task.add_done_callback(lambda done: self._done(run_id, done))

    def _done(self, run_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(run_id, None)
        self._ended.add(run_id)
        self._look_at(task)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        """End the stream if a task failed: a client that reconnects with its cursors misses nothing."""
        if not task.cancelled() and (error := task.exception()):
            logger.error("sse: stream failed for user %s", self._user_id, exc_info=error)
            self._broken.set()

    async def _follow(self, run_id: str, run: RunInfo | Archived, after: Cursor | None) -> None:
        async with aclosing(self._engine.follow(run, after, limit=CHUNK_BYTES)) as batches:
            async for batch in batches:
                await self._ready.put(_Chunk(self._cursors, run_id, batch))

    async def _follow_notices(self) -> None:
        async with channel.listen(self._user_id) as received:
            # Only now: a run that starts in the meantime sends a notice.
            await self._resume()
            await self._join_runs()
            self._joined.set()
            async for notice in received:
                if notice.get("kind") == "run_started":
                    await self._join_runs()
                await self._ready.put(partial(encode, "notice", notice))


class _Chunk:
    """A batch that is encoded only when it is sent, so that its ids hold the cursors the client then has."""

    def __init__(self, cursors: Cursors, run_id: str, batch: Batch) -> None:
        self._cursors = cursors
        self._run_id = run_id
        self._batch = batch

    def __call__(self) -> bytes:
        chunks = []
        for entry in self._batch.entries:
            self._cursors.moved(self._run_id, Cursor(self._batch.epoch, entry.seq))
            data = {"run_id": self._run_id, **entry.data}
            chunks.append(encode(entry.name, data, id=str(self._cursors)))
            if entry.is_terminal:
                self._cursors.ended(self._run_id)
        return b"".join(chunks)
