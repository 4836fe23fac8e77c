"""Pipelines the calls of the log's scripts: all calls of one event-loop tick share one round trip.

There is one connection and one pipeline at a time. Calls made meanwhile wait for the next pipeline, so pipelines grow
with the load. Order is kept, even across reconnects.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from chat.streams.base import LogUnavailable
from chat.streams.redis.scripts import Script, load

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 1.0
PIPELINE_CALLS: Final = 256
# Error prefixes of a Redis that cannot write at the moment: a replica, out of memory or disk, busy with a script.
PASSING: Final = ("READONLY", "OOM", "MISCONF", "BUSY", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN")
FAILURES: Final = (RedisError, OSError, TimeoutError)

Argument = str | bytes | int


@dataclass(slots=True)
class _Call:
    packed: bytes
    answer: asyncio.Future[Any]
    give_up: float
    on_answer: Callable[[Any], None] | None

    @property
    def is_dropped(self) -> bool:
        """The caller is gone and nothing else needs the result."""
        return self.answer.cancelled() and self.on_answer is None

    def succeed(self, answer: Any) -> None:
        if self.on_answer is not None:
            self.on_answer(answer)
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            # Mark the exception as retrieved: the caller may be gone.
            self.answer.exception()


class Pipeline:
    """`constants`: the scripts' constants.

    `seconds`: the timeout of one pipeline. After it, the connection is closed and the calls are retried.

    `on_return` is called when Redis is back after an outage.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        prefix: str,
        constants: Mapping[str, int],
        seconds: float,
        on_return: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._scripts = load(constants)
        self._prefix = prefix.encode()
        self._seconds = seconds
        self._on_return = on_return
        self._waiting: list[_Call] = []
        self._called = asyncio.Event()
        self._connection: AbstractConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._answers_since: float | None = None
        self._returned_at: float | None = None
        self._failing = False

    def call(
        self,
        script: str,
        *arguments: Argument,
        patience: float,
        on_answer: Callable[[Any], None] | None = None,
    ) -> asyncio.Future[Any]:
        """The script's reply. A cancelled call may or may not be made; with `on_answer`, it is always made.

        Fails with LogUnavailable after `patience` seconds, and with redis.ResponseError for an invalid call.
        """
        loop = asyncio.get_running_loop()
        packed = self._pack(self._scripts[script], arguments)
        call = _Call(packed, loop.create_future(), loop.time() + patience, on_answer)
        self._waiting.append(call)
        self._called.set()
        if self._task is None:
            self._task = loop.create_task(self._run(), name="stream log calls")
        return call.answer

    async def within(self, script: str, *arguments: Argument, patience: float) -> Any:
        """Like `call`, but raises LogUnavailable on time even if Redis accepts the call and does not reply."""
        try:
            async with asyncio.timeout(patience):
                return await self.call(script, *arguments, patience=patience)
        except TimeoutError:
            raise LogUnavailable("Redis is not responding.") from None

    def answers_since(self, seconds: float) -> bool:
        """Whether Redis has responded without a failure for at least this long."""
        since = self._answers_since
        return since is not None and asyncio.get_running_loop().time() - since >= seconds

    def returned_within(self, seconds: float) -> bool:
        """Whether an outage ended less than this many seconds ago."""
        at = self._returned_at
        return at is not None and asyncio.get_running_loop().time() - at < seconds

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for call in self._waiting:
            call.fail(LogUnavailable("The log is closed."))
        self._waiting.clear()
        await self._disconnect(nowait=False)

    def _pack(self, script: Script, arguments: Sequence[Argument]) -> bytes:
        return pack([b"EVALSHA", script.sha, b"1", self._prefix, *map(_bytes, arguments)])

    async def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            await self._called.wait()
            self._waiting = [call for call in self._waiting if not call.is_dropped]
            if not self._waiting:
                self._called.clear()
                continue
            try:
                await self._make(self._waiting[:PIPELINE_CALLS])
            except Exception as error:
                if not isinstance(error, FAILURES):
                    logger.exception("redis log: pipeline failed unexpectedly")
                await self._failed(error)
                await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            else:
                wait = FIRST_WAIT_SECONDS
                self._answered()

    async def _make(self, calls: Sequence[_Call]) -> None:
        """Run one pipeline. Calls without a reply stay queued and are retried."""
        async with asyncio.timeout(self._seconds):
            connection = await self._connected()
            await connection.send_packed_command([call.packed for call in calls], check_health=False)
            passing: ResponseError | None = None
            unknown = False
            answered: set[int] = set()
            try:
                for call in calls:
                    try:
                        call.succeed(await connection.read_response())
                    except NoScriptError:
                        unknown = True
                        continue
                    except ResponseError as error:
                        if str(error).startswith(PASSING) or type(error) is not ResponseError:
                            passing = error
                            continue
                        call.fail(error)
                    answered.add(id(call))
            finally:
                self._waiting = [call for call in self._waiting if id(call) not in answered]
            if unknown:
                await self._load_scripts(connection)
        if passing is not None:
            raise passing

    async def _connected(self) -> AbstractConnection:
        if self._connection is None:
            self._connection = self._pool.connection_class(**self._pool.connection_kwargs)
        if not self._connection.is_connected:
            await self._connection.connect()  # type: ignore[no-untyped-call]
        return self._connection

    async def _load_scripts(self, connection: AbstractConnection) -> None:
        scripts = self._scripts.values()
        packed = [pack([b"SCRIPT", b"LOAD", script.text]) for script in scripts]
        await connection.send_packed_command(packed, check_health=False)
        for _ in scripts:
            await connection.read_response()

    async def _failed(self, error: Exception) -> None:
        if not self._failing:
            logger.warning("redis log: Redis is not responding, retrying: %s", error)
        self._failing = True
        self._answers_since = None
        await self._disconnect()
        now = asyncio.get_running_loop().time()
        late = [call for call in self._waiting if call.give_up <= now]
        self._waiting = [call for call in self._waiting if call.give_up > now]
        for call in late:
            call.fail(LogUnavailable("Redis is not responding."))

    def _answered(self) -> None:
        if self._answers_since is None:
            self._answers_since = asyncio.get_running_loop().time()
        if self._failing:
            self._failing = False
            self._returned_at = self._answers_since
            logger.info("redis log: Redis is back")
            self._on_return()

    async def _disconnect(self, *, nowait: bool = True) -> None:
        if self._connection is not None:
            with suppress(RedisError, OSError):
                await self._connection.disconnect(nowait=nowait)
            self._connection = None


def pack(parts: Sequence[bytes]) -> bytes:
    """A command in the Redis protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


def _bytes(argument: Argument) -> bytes:
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode()
