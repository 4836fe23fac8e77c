"""One connection to a server: opened, used and closed by the task that asks.

Each call has a connection of its own. So no two people share a session, and a server that dies in one call spoils no
other.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx2

from chat.tools.mcp.door import CLOSE_SECONDS, RESPONSE_BYTES, Door
from chat.tools.mcp.server import Server

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client.session import ClientSession

logger = logging.getLogger(__name__)

# Until a server has said which versions it speaks; at most half of the time that a call has.
CONNECT_SECONDS: Final = 10.0

T = TypeVar("T")

# Tasks that did not end in time after they were cancelled. The event loop holds only weak references.
_abandoned: Final[set[asyncio.Task[Any]]] = set()


class Unreachable(Exception):
    """There is no connection. The message is a clause about the server: "it could not be reached"."""


class Broken(Exception):
    """The connection failed while it was in use. The message is such a clause."""


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[tuple[ClientSession, Door]]:
    """Enter and leave it in the same task. Raises Unreachable or Broken; an error of the body comes out as it is."""
    await asyncio.to_thread(importlib.import_module, "mcp")
    door = Door(server.url)
    raised: BaseException | None = None
    is_open = False
    try:
        async with asyncio.timeout(min(CONNECT_SECONDS, server.timeout / 2)) as limit, _client(server, door) as client:
            limit.reschedule(None)
            is_open = True
            try:
                yield client.session, door
            except BaseException as error:
                raised = error
                raise
            finally:
                limit.reschedule(asyncio.get_running_loop().time() + CLOSE_SECONDS)
    except BaseException as error:  # noqa: BLE001  (sorted out here: groups hide what happened)
        if isinstance(raised, Exception):
            # Without what closing added to it.
            raise raised from None
        if ended := _end_of_task(raised, error):
            raise ended from None
        reason = reason_of(error, door)
        if not is_open:
            raise Unreachable(reason) from None
        if raised is not None:
            # The body was cancelled because the connection had failed.
            raise Broken(reason) from None
        logger.info("mcp: closing the connection to %s failed: %s", server.slug, reason)


@asynccontextmanager
async def _client(server: Server, door: Door) -> AsyncIterator[Client]:
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async with httpx2.AsyncClient(transport=door, headers=dict(server.headers), timeout=None, trust_env=False) as http:
        streams = streamable_http_client(server.url, http_client=http, max_sse_event_size=RESPONSE_BYTES)
        async with Client(streams, cache=None) as client:
            yield client


def _end_of_task(raised: BaseException | None, error: BaseException) -> BaseException | None:
    """What ends this task: its own cancellation, or an interpreter that exits."""
    found = next((each for each in leaves(error) if not isinstance(each, Exception)), None)
    task = asyncio.current_task()
    return found or (raised if task is not None and task.cancelling() else None)


def reason_of(error: BaseException, door: Door) -> str:
    """A clause about the server, without its own words."""
    if door.failure:
        return door.failure
    if door.status in {401, 403}:
        return f"it rejects the headers of this site (status {door.status})"
    if door.status >= 400:
        return f"it responds with an error (status {door.status})"
    if any(isinstance(each, TimeoutError) for each in leaves(error)):
        return "it does not respond in time"
    return "it does not speak MCP as it should"


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors within groups of errors."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


async def bounded(work: Callable[[], Coroutine[Any, Any, T]], *, seconds: float, name: str) -> T:
    """The result of `work`, in a task of its own. Raises what it raises, or TimeoutError.

    It has ended when control returns, unless it ignores its cancellation for CLOSE_SECONDS.
    """
    task = asyncio.create_task(work(), name=name)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_SECONDS)
        if not task.done():
            _abandoned.add(task)
            task.add_done_callback(_abandoned.discard)
            logger.error("%s: still running after it was cancelled", name)
