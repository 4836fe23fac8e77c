"""Database calls from async code, on threads of their own.

Channels' and asgiref's default is one thread for everything outside a request: a locked database would then stall
every socket's sign-in. Here reading never waits behind writing, saving an answer waits behind neither, and none of
them delays a stream. No call waits for ever: one without an answer raises django.db.OperationalError, whether the
database is locked, away, or says nothing. Between `keep_open` and the end of that, threads keep their connections to
SQLite; no other call keeps one.
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

# Time for a connection and for one slow statement. Beyond it the answer may still come, to nobody.
ANSWER_SECONDS: Final = 5 + settings.CHAT_DATABASE_SECONDS
# SQLite has one writer at a time: more threads would only wait for its lock instead of for each other.
_one_writer: Final = connection.vendor == "sqlite"

# Of what reads much, a person has one at a time of a kind, and all persons together have half of the threads: pages
# are short, so what is small gets its turn soon, however long searches take.
pages: Final = ConcurrencyLimit(each=1, altogether=2, waiting=64)
searches: Final = ConcurrencyLimit(each=1, altogether=2, waiting=8)
LONGEST_REST_SECONDS: Final = 2.0
# How long the threads wait for each other, to let go of what they keep.
CLOSE_SECONDS: Final = 2.0
_readers = ThreadPoolExecutor(4, thread_name_prefix="db-read")
_finders = ThreadPoolExecutor(2, thread_name_prefix="db-find")
_writers = ThreadPoolExecutor(1 if _one_writer else 2, thread_name_prefix="db-write")
_savers = ThreadPoolExecutor(1 if _one_writer else 4, thread_name_prefix="db-save")


async def read(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that only reads."""
    return await _run(_readers, function, *args, **kwargs)


async def find(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `read`, for a row or two by their key, as who is signed in: never behind what reads much."""
    return await _run(_finders, function, *args, **kwargs)


async def read_in_turn(limit: ConcurrencyLimit, user_id: int, function: Callable[[], T]) -> T:
    """As `read`, for what may read much: as often at once as the limit gives a person, who waits beyond that.

    The place is kept until the reading has ended, also if nobody waits for it any more: a client that hangs up and
    asks again gets no second thread. Then this person's next one waits for as long as this one took, up to
    LONGEST_REST_SECONDS: a thread that works holds up everything else in the process. Raises ApiError rate_limited if
    too many of this person's wait, or one for too long.
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
    """Run a function that writes. One that got no answer in time may have been done, or be done later."""
    return await _run(_writers, function, *args, **kwargs)


async def save(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `write`, for finished turns: no other writing is before them in the queue."""
    return await _run(_savers, function, *args, **kwargs)


async def _run(executor: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # In the caller's context, for the language of what is said.
    context, call = contextvars.copy_context(), partial(_call, function, *args, **kwargs)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(executor, context.run, call)
    except TimeoutError:
        raise OperationalError(f"The database has not answered for {ANSWER_SECONDS} seconds.") from None


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        if _keepers and not connection.errors_occurred:
            # By Django's own count it would be too old after its first call.
            connection.close_at = None
            # In debug mode each keeps what it was asked.
            reset_queries()
            close_old_connections()
        else:
            connection.close()


# One entry for each call of `keep_open` whose connections have not been let go.
_keepers: Final[set[object]] = set()


async def keep_open() -> Callable[[], Awaitable[None]]:
    """Let each thread keep its connection to SQLite, until what this returns is called. Other databases are pooled.

    To call that again does nothing.

    A connection reads the schema and sets itself up anew, which takes longer than most calls. And the last one to a
    file writes its write-ahead log back, waits for the disk and deletes it; without keeping, that would be nearly
    every call (https://www.sqlite.org/wal.html, "The WAL file"). Raises django.db.Error.
    """
    if not _one_writer:
        return _nothing
    keeper = object()
    _keepers.add(keeper)
    try:
        await read(lambda: connection.ensure_connection())  # that of the thread
    except BaseException:
        _keepers.remove(keeper)
        raise

    async def let_go() -> None:
        _keepers.discard(keeper)
        if not _keepers:
            await _close_connections()

    return let_go


async def _nothing() -> None:
    """There is nothing to let go."""


async def _close_connections() -> None:
    """Of all threads, each in its own: SQLite's may not be closed by another while something is left of a statement.

    A thread that is at work for longer than CLOSE_SECONDS keeps its own.
    """
    closing = [each for pool in (_readers, _finders, _writers, _savers) for each in _close_those_of(pool)]
    await asyncio.wait(closing, timeout=CLOSE_SECONDS)


def _close_those_of(executor: ThreadPoolExecutor) -> list[asyncio.Future[None]]:
    """One call for each thread: it waits until all are there, so that none does it twice and another never."""
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
    """Run a function that writes, when its turn comes. Nobody waits for it; if it fails, that is logged and all.

    While one of this name waits, another is left out: a locked database cannot pile them up before what matters.
    """
    if name not in _noted:
        _noted.add(name)
        _writers.submit(contextvars.copy_context().run, _write_quietly, name, function)


def _write_quietly(name: str, function: Callable[[], object]) -> None:
    try:
        _call(function)
    except Error as error:
        logger.warning("A note was not written (%s): %s", name, error)
    finally:
        _noted.discard(name)
