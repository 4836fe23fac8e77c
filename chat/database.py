"""Database calls from async code, on threads of their own.

Channels' and asgiref's default is one thread for everything outside a request: a locked database would then stall
every socket's sign-in. Here reading never waits behind writing, and neither delays a stream.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error, close_old_connections

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 4
# SQLite has one writer at a time: more threads would only wait for its lock instead of for each other.
WRITERS: Final = 1 if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") else 4

_readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
_writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="db-write")


async def read(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that only reads."""
    call = database_sync_to_async(function, thread_sensitive=False, executor=_readers)
    result: T = await call(*args, **kwargs)
    return result


async def write(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that writes."""
    call = database_sync_to_async(function, thread_sensitive=False, executor=_writers)
    result: T = await call(*args, **kwargs)
    return result


_noted: set[str] = set()


def write_later(name: str, function: Callable[[], object]) -> None:
    """Run a function that writes, when its turn comes. Nobody waits for it; if it fails, that is logged and all.

    While one of this name waits, another is left out: a locked database cannot pile them up before what matters.
    """
    if name not in _noted:
        _noted.add(name)
        _writers.submit(_write_quietly, name, function)


def _write_quietly(name: str, function: Callable[[], object]) -> None:
    close_old_connections()
    try:
        function()
    except Error as error:
        logger.warning("A note was not written (%s): %s", name, error)
    finally:
        _noted.discard(name)
        close_old_connections()
