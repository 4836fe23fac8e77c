"""Database calls from async code, on dedicated thread pools.

By default, Channels and asgiref use one thread for everything outside a request: a locked database would then stall
the sign-in of every socket. Here reads never wait behind writes, saving an answer waits behind neither, and none of
them delays a stream. Every call has a timeout: if the database is locked, unreachable or silent, the call raises
django.db.OperationalError. Connections are closed after each call, except to SQLite while `keep_open` is in effect.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, ParamSpec, TypeVar

from django.conf import settings
from django.db import Error, OperationalError, close_old_connections, connection, connections, reset_queries

from chat.protocol.errors import ApiError
from chat.rate_limit import ConcurrencyLimit, Crowded

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Timeout for connecting and one slow statement. The call may still finish later; its result is dropped.
ANSWER_SECONDS: Final = 5 + settings.CHAT_DATABASE_SECONDS
# SQLite allows one writer at a time: more threads would only wait for its lock.
_one_writer: Final = connection.vendor == "sqlite"

# Each user may run one large read of a kind at a time, and all users together may use half of the threads. Pages are
# short, so small reads get their turn soon, however long searches take.
pages: Final = ConcurrencyLimit(each=1, altogether=2, waiting=64)
searches: Final = ConcurrencyLimit(each=1, altogether=2, waiting=8)
LONGEST_REST_SECONDS: Final = 2.0
# How long threads wait for each other before they close their connections.
CLOSE_SECONDS: Final = 2.0
_readers = ThreadPoolExecutor(4, thread_name_prefix="db-read")
_finders = ThreadPoolExecutor(2, thread_name_prefix="db-find")
_writers = ThreadPoolExecutor(1 if _one_writer else 2, thread_name_prefix="db-write")
_savers = ThreadPoolExecutor(1 if _one_writer else 4, thread_name_prefix="db-save")


async def read(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a read-only function."""
    return await _run(_readers, function, *args, **kwargs)


async def find(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `read`, for a row or two by key, such as the signed-in user: never waits behind large reads."""
    return await _run(_finders, function, *args, **kwargs)


async def read_in_turn(limit: ConcurrencyLimit, user_id: int, function: Callable[[], T]) -> T:
    """Like `read`, for large reads: waits if the user already has as many running as `limit` allows.

    The slot is held until the read has ended, even if the caller is gone: a client that hangs up and retries gets no
    second thread. Then the user's next read waits for as long as this one took, up to LONGEST_REST_SECONDS, because a
    busy thread slows down everything else in the process. Raises ApiError rate_limited if too many of the user's reads
    wait, or one for too long.
    """
    try:
        await limit.take(user_id, seconds=ANSWER_SECONDS)
    except Crowded:
        message = "You have too many requests waiting. Wait a moment, then try again."
        raise ApiError("rate_limited", message, retry_after=1) from None
    began = time.monotonic()
    reading = asyncio.ensure_future(read(function))
    reading.add_done_callback(lambda _: limit.give_back(user_id, rest=_rest(time.monotonic() - began)))
    return await asyncio.shield(reading)


def _rest(taken: float) -> float:
    return min(taken, LONGEST_REST_SECONDS)


async def write(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that writes. After a timeout the write may have happened, or may still happen."""
    return await _run(_writers, function, *args, **kwargs)


async def save(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `write`, for finished turns, which never queue behind other writes."""
    return await _run(_savers, function, *args, **kwargs)


async def _run(executor: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # In the caller's context, for the active language.
    context, call = contextvars.copy_context(), partial(_call, function, *args, **kwargs)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(executor, context.run, call)
    except TimeoutError:
        raise OperationalError(f"database: no answer after {ANSWER_SECONDS} s") from None


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        if _keepers and not connection.errors_occurred:
            # CONN_MAX_AGE is 0, so Django would close the connection now.
            connection.close_at = None
            # In debug mode a connection keeps all its queries.
            reset_queries()
            close_old_connections()
        else:
            connection.close()


# One entry for each call of `keep_open` that is still in effect.
_keepers: Final[set[object]] = set()


async def keep_open() -> Callable[[], Awaitable[None]]:
    """Let threads keep their SQLite connections until the returned function is called; it may be called repeatedly.

    Opening a connection reads the schema and runs setup statements, which takes longer than most calls. And closing
    the last connection to a file checkpoints the write-ahead log, waits for the disk and deletes the log; without
    this, nearly every call would do so (https://www.sqlite.org/wal.html, "The WAL file"). Other databases are pooled.
    Raises django.db.Error.
    """
    if not _one_writer:
        return _nothing
    keeper = object()
    _keepers.add(keeper)
    try:
        await read(lambda: connection.ensure_connection())  # in the thread
    except BaseException:
        _keepers.remove(keeper)
        raise

    async def let_go() -> None:
        _keepers.discard(keeper)
        if not _keepers:
            await _close_connections()

    return let_go


async def _nothing() -> None:
    """There is nothing to release."""


async def _close_connections() -> None:
    """Close each thread's connections in that thread: no other may, while a SQLite statement is unfinished.

    A thread that is busy for longer than CLOSE_SECONDS keeps its connection.
    """
    closing = [each for pool in (_readers, _finders, _writers, _savers) for each in _close_those_of(pool)]
    await asyncio.wait(closing, timeout=CLOSE_SECONDS)


def _close_those_of(executor: ThreadPoolExecutor) -> list[asyncio.Future[None]]:
    """One call per thread. A barrier ensures that each thread runs exactly one of them."""
    count = executor._max_workers
    all_here = threading.Barrier(count)

    def close() -> None:
        with suppress(threading.BrokenBarrierError):
            all_here.wait(CLOSE_SECONDS)
        connections.close_all()

    loop = asyncio.get_running_loop()
    return [loop.run_in_executor(executor, close) for _ in range(count)]


_noted: set[str] = set()


def write_later(name: str, function: Callable[[], object]) -> None:
    """Queue a function that writes, and return. If it fails, that is only logged.

    Does nothing while a function of the same name waits, so that a locked database cannot pile them up in front of
    important writes.
    """
    if name not in _noted:
        _noted.add(name)
        _writers.submit(contextvars.copy_context().run, _write_quietly, name, function)


def _write_quietly(name: str, function: Callable[[], object]) -> None:
    try:
        _call(function)
    except Error as error:
        logger.warning("database: note not written: %s: %s", name, error)
    finally:
        _noted.discard(name)
