"""Simulated processes that share a log in Redis: each is a separate RedisLog."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import TypeVar

from chat.protocol import events
from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event, token
from chat.streams.base import Budget, Created
from chat.streams.redis.log import RedisLog
from tests.streams.contract import LIMIT, request
from tests.streams.redis_proxy import RedisProxy, redis_proxy
from tests.streams.redis_server import RedisServer

T = TypeVar("T")

SECONDS = 60
NEVER = 3600.0


class Processes:
    """Logs that share one Redis. Nothing runs on a timer unless a test asks for it."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.prefix = f"{uuid.uuid4()}:"
        self._stack = AsyncExitStack()

    def start(self, url: str | None = None, *, budget: Budget | None = None, **seconds: float) -> RedisLog:
        by_the_clock = {"renew_seconds": NEVER, "check_seconds": NEVER, "lease_seconds": NEVER}
        log = RedisLog(
            url or self.server.url,
            prefix=self.prefix,
            budget=budget,
            **{**by_the_clock, **seconds},  # type: ignore[arg-type]
        )
        self._stack.push_async_callback(log.close)
        return log

    async def proxy(self) -> RedisProxy:
        return await self._stack.enter_async_context(redis_proxy(self.server.socket))

    async def close(self) -> None:
        await self._stack.aclose()


async def created(log: RedisLog, **fields: object) -> Created:
    made = await log.create(request(**fields), live_limit=3)  # type: ignore[arg-type]
    assert isinstance(made, Created)
    return made


async def say(log: RedisLog, run: Created, *said: str | Event) -> Cursor:
    parts = [token(each) if isinstance(each, str) else each for each in said]
    return (await log.append(run.run.run_id, parts, token=run.token)).cursor


async def everything(log: RedisLog, run_id: str, after: Cursor | None = None, *, limit: int = LIMIT) -> list[Entry]:
    async with asyncio.timeout(SECONDS), aclosing(log.follow(run_id, after, limit=limit)) as batches:
        return [entry async for batch in batches for entry in batch.entries]


class Follower:
    """Reads a run to its end; a test can wait for a text on the way."""

    def __init__(self, log: RedisLog, run_id: str) -> None:
        self.entries: list[Entry] = []
        self.epochs: list[str] = []
        self._log = log
        self._run_id = run_id
        self._grown = asyncio.Condition()
        self._task = asyncio.create_task(self._read())

    @property
    def text(self) -> str:
        return events.answer(self.entries)

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    async def has(self, text: str) -> None:
        async with asyncio.timeout(SECONDS), self._grown:
            await self._grown.wait_for(lambda: self.text == text or self._task.done())
        assert self.text == text

    async def end(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self._task

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async with aclosing(self._log.follow(self._run_id, None, limit=LIMIT)) as batches:
                async for batch in batches:
                    self.epochs.append(batch.epoch)
                    self.entries += batch.entries
                    async with self._grown:
                        self._grown.notify_all()
        finally:
            async with self._grown:
                self._grown.notify_all()


async def eventually(ask: Callable[[], Awaitable[T]], *, seconds: float = SECONDS) -> T:
    """Call `ask` until it returns something truthy."""
    async with asyncio.timeout(seconds):
        while not (answer := await ask()):
            await asyncio.sleep(0.01)
    return answer


async def value(value: T) -> T:
    return value
