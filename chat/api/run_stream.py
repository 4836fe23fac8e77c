"""A run, or all of a user's live runs, as Server-Sent Events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar

from django.conf import settings

from chat import notices
from chat.events import BadCursor, Cursor
from chat.generation.engine import Engine
from chat.models import Message
from chat.sse import PING, RETRY, dumps, encode
from chat.streams.base import Batch, RunInfo
from chat.wire import clean, parse_uuid

T = TypeVar("T")

# What is taken from the log at once, for a reader that has fallen behind.
CHUNK_BYTES: Final = 32 * 1024


async def one_run(engine: Engine, run: RunInfo | Message, after: Cursor | None) -> AsyncGenerator[bytes, None]:
    """The run's events after a cursor, to its terminal event."""
    yield RETRY
    async with aclosing(engine.follow(run, after, limit=CHUNK_BYTES)) as batches:
        async for batch in with_heartbeats(batches):
            yield PING if batch is None else encode_batch(batch)


def encode_batch(batch: Batch) -> bytes:
    return b"".join(encode(entry.name, entry.data, id=str(Cursor(batch.epoch, entry.seq))) for entry in batch.entries)


async def with_heartbeats(items: AsyncIterator[T]) -> AsyncIterator[T | None]:
    """The items, and None whenever none has come for a heartbeat's time."""
    while True:
        following = asyncio.ensure_future(anext(items, _END))
        try:
            while not (await asyncio.wait({following}, timeout=settings.CHAT_HEARTBEAT_SECONDS))[0]:
                yield None
        finally:
            if not following.done():
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        item = following.result()
        if item is _END:
            return
        yield item


_END: Any = object()


class Cursors:
    """The id of a multiplexed stream: every run's cursor, `<run id>:<cursor>` parted by commas."""

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

    def keep_only(self, run_ids: set[str]) -> None:
        self._cursors = {run_id: cursor for run_id, cursor in self._cursors.items() if run_id in run_ids}


class Multiplex:
    """All of a user's live runs and their notices on one stream; runs that begin later join by themselves."""

    def __init__(self, engine: Engine, user_id: int, cursors: Cursors) -> None:
        self._engine = engine
        self._user_id = user_id
        self._cursors = cursors
        # Of one: the followers wait until what they brought has been sent.
        self._ready: asyncio.Queue[Callable[[], bytes]] = asyncio.Queue(1)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def stream(self) -> AsyncGenerator[bytes, None]:
        yield RETRY
        begun = asyncio.Event()
        self._tasks[""] = asyncio.create_task(self._follow_notices(begun))
        try:
            await begun.wait()
            await self._join_runs()
            async with aclosing(self._chunks()) as chunks:
                async for chunk in with_heartbeats(chunks):
                    if chunk is None:
                        # A notice may be lost: nobody's answer hangs on one.
                        await self._join_runs()
                    yield PING if chunk is None else chunk
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            yield (await self._ready.get())()

    async def _join_runs(self) -> None:
        runs = {run.run_id: run for run in await self._engine.log.runs_of(self._user_id)}
        self._cursors.keep_only(set(runs))
        for run in runs.values():
            cursor = self._cursors.get(run.run_id)
            unfinished = run.is_live or (cursor is not None and cursor != run.cursor)
            if unfinished and run.run_id not in self._tasks:
                self._tasks[run.run_id] = asyncio.create_task(self._follow(run, cursor))

    async def _follow(self, run: RunInfo, after: Cursor | None) -> None:
        async with aclosing(self._engine.follow(run, after, limit=CHUNK_BYTES)) as batches:
            async for batch in batches:
                await self._ready.put(_Chunk(self._cursors, run.run_id, batch))

    async def _follow_notices(self, begun: asyncio.Event) -> None:
        async with notices.listen(self._user_id) as received:
            begun.set()
            async for notice in received:
                if notice.get("kind") == "run_started":
                    await self._join_runs()
                await self._ready.put(lambda notice=notice: _encode_notice(notice))  # type: ignore[misc]


class _Chunk:
    """Encoded when its turn comes: the id then holds every run's place as the reader will have it."""

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
        return b"".join(chunks)


def _encode_notice(notice: dict[str, Any]) -> bytes:
    return f"event: notice\ndata: {clean(dumps(notice))}\n\n".encode()
