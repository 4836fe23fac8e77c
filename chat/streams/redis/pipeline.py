"""Pipeline of the log's scripts in Redis: those made in one tick of the event loop go in one pipeline.

One connection and one pipeline at a time: what is called while one is under way gathers for the next, so that the
busier the log, the larger the pipelines. Order is kept, also over a broken connection.
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
# Redis says so when it cannot write for now: started as a replica, out of memory or of disk, busy with a script.
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
        """Nobody wants it made any more."""
        return self.answer.cancelled() and self.on_answer is None

    def succeed(self, answer: Any) -> None:
        if self.on_answer is not None:
            self.on_answer(answer)
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            # Whoever called may be gone already: that is no error to report.
            self.answer.exception()


class Pipeline:
    """`constants`: those of the scripts.

    `seconds`: what one pipeline may take; after that its connection is given up and its calls are made again.

    `on_return` is called when Redis answers again after it did not.
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
        """The script's answer. A cancelled call may have been made or not; with `on_answer`, it is made.

        LogUnavailable after `patience` seconds. Raises redis.ResponseError for a mistake in the call.
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
        """As `call`, and LogUnavailable on time even when Redis accepts the call and does not answer."""
        try:
            async with asyncio.timeout(patience):
                return await self.call(script, *arguments, patience=patience)
        except TimeoutError:
            raise LogUnavailable("Redis does not answer.") from None

    def answers_since(self, seconds: float) -> bool:
        """Whether Redis has answered without a failure for so long."""
        since = self._answers_since
        return since is not None and asyncio.get_running_loop().time() - since >= seconds

    def returned_within(self, seconds: float) -> bool:
        """Whether Redis has been away and come back so recently."""
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
                    logger.exception("A pipeline failed in a way that was not foreseen.")
                await self._failed(error)
                await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            else:
                wait = FIRST_WAIT_SECONDS
                self._answered()

    async def _make(self, calls: Sequence[_Call]) -> None:
        """One pipeline. What is answered waits no more; what is not, when it fails, is made again."""
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
            logger.warning("Redis does not answer, trying again: %s", error)
        self._failing = True
        self._answers_since = None
        await self._disconnect()
        now = asyncio.get_running_loop().time()
        late = [call for call in self._waiting if call.give_up <= now]
        self._waiting = [call for call in self._waiting if call.give_up > now]
        for call in late:
            call.fail(LogUnavailable("Redis does not answer."))

    def _answered(self) -> None:
        if self._answers_since is None:
            self._answers_since = asyncio.get_running_loop().time()
        if self._failing:
            self._failing = False
            self._returned_at = self._answers_since
            logger.info("Redis answers again.")
            self._on_return()

    async def _disconnect(self, *, nowait: bool = True) -> None:
        if self._connection is not None:
            with suppress(RedisError, OSError):
                await self._connection.disconnect(nowait=nowait)
            self._connection = None


def pack(parts: Sequence[bytes]) -> bytes:
    """A command in Redis' protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


def _bytes(argument: Argument) -> bytes:
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode()
