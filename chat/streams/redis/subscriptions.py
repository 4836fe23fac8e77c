"""One pub/sub connection for all of this process's subscriptions in Redis.

Messages published while it is disconnected are lost. `on_connect` is called whenever all channels are subscribed
again, so that the caller can look for what it missed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 2.0
SILENT_PINGS: Final = 2


class Subscriptions:
    """`on_message(channel, payload)` is called in the order of publication, per channel.

    A connection that is silent for `ping_seconds` is pinged, and closed if there is no reply.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        on_message: Callable[[str, bytes], None],
        on_connect: Callable[[], None],
        ping_seconds: float,
    ) -> None:
        self._pool = pool
        self._on_message = on_message
        self._on_connect = on_connect
        self._ping_seconds = ping_seconds
        self._wanted: set[str] = set()
        self._subscribed: set[str] = set()
        self._changed = asyncio.Event()
        self._waiting: set[asyncio.Future[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, channel: str) -> None:
        self._wanted.add(channel)
        self._changed.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="stream log subscriptions")

    def remove(self, channel: str) -> None:
        self._wanted.discard(channel)
        self._changed.set()

    async def subscribed(self, channel: str) -> None:
        """Return when the subscription is active: from now on, messages arrive for as long as the connection lasts."""
        while channel not in self._subscribed:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
            try:
                async with asyncio.timeout(SILENT_PINGS * self._ping_seconds):
                    await connection.connect()  # type: ignore[no-untyped-call]
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._send(connection))
                    tasks.create_task(self._receive(connection))
            except* (RedisError, OSError, TimeoutError) as errors:
                if self._subscribed:
                    wait = FIRST_WAIT_SECONDS
                    logger.warning("redis log: subscriptions lost, reconnecting: %s", errors.exceptions[0])
            except* Exception:
                logger.exception("redis log: subscriptions failed unexpectedly")
            finally:
                self._subscribed.clear()
                with suppress(RedisError, OSError):
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)

    async def _send(self, connection: AbstractConnection) -> None:
        asked: set[str] = set()
        while True:
            self._changed.clear()
            await _command(connection, "SUBSCRIBE", self._wanted - asked)
            await _command(connection, "UNSUBSCRIBE", asked - self._wanted)
            asked = set(self._wanted)
            try:
                async with asyncio.timeout(self._ping_seconds):
                    await self._changed.wait()
            except TimeoutError:
                await connection.send_command("PING", check_health=False)

    async def _receive(self, connection: AbstractConnection) -> None:
        loop = asyncio.get_running_loop()
        first = set(self._wanted)
        patience = SILENT_PINGS * self._ping_seconds
        async with asyncio.timeout(patience) as silence:
            while True:
                reply: Any = await connection.read_response()
                silence.reschedule(loop.time() + patience)
                kind = reply[0] if isinstance(reply, list) else b""
                if kind == b"message":
                    self._on_message(reply[1].decode(), reply[2])
                elif kind == b"subscribe":
                    self._note(reply[1].decode())
                    if first and first <= self._subscribed | (first - self._wanted):
                        first = set()
                        self._on_connect()
                elif kind == b"unsubscribe":
                    self._subscribed.discard(reply[1].decode())

    def _note(self, channel: str) -> None:
        self._subscribed.add(channel)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


async def _command(connection: AbstractConnection, command: str, channels: Iterable[str]) -> None:
    names = sorted(channels)
    if names:
        await connection.send_command(command, *names, check_health=False)
