"""Keeps the tools of this process as the MCP servers and their administrators say, without a restart.

What a server said last is in the database. So its tools are there from the beginning, and no message waits for it: one
process asks in the background, and all see what has changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
from django.db import Error as DatabaseError
from django.utils import timezone

from chat import database
from chat.models import McpServer
from chat.models.sealing import NoKey
from chat.tools import bootstrap
from chat.tools.base import Tool
from chat.tools.mcp.calling import start_of
from chat.tools.mcp.connection import Unreachable
from chat.tools.mcp.definitions import Definition, accepted, tools_of
from chat.tools.mcp.listing import Listing, list_tools
from chat.tools.mcp.server import Server
from chat.tools.registry import Registry

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 3.0
# After a failure: each is a connection to a server that may be down for long.
RETRY_SECONDS: Final = 60.0

Versions = tuple[tuple[Any, ...], ...]


class McpServers:
    """Looks for changed servers, and for lists that are due, every `seconds` and on `ring`, until it is closed.

    Belongs to one event loop.
    """

    def __init__(self, *, seconds: float = EVERY_SECONDS) -> None:
        self._seconds = seconds
        self._bell = asyncio.Event()
        self._seen: Versions = ()
        # Those whose headers cannot be decrypted: tried again, and logged once.
        self._unreadable: frozenset[str] = frozenset()
        self._changed: Callable[[Registry], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None
        self._asking: dict[int, asyncio.Task[None]] = {}

    def start(self, changed: Callable[[Registry], None]) -> None:
        """`changed` is called with all tools of the site whenever there are others."""
        self._changed = changed
        self._task = asyncio.create_task(self._watch(), name="MCP servers")
        _watching[self] = asyncio.get_running_loop()

    def ring(self) -> None:
        """Look now."""
        self._bell.set()

    async def close(self) -> None:
        _watching.pop(self, None)
        tasks = [*self._asking.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self) -> bool:
        """Take the tools from the database. Returns whether they may have changed. Raises django.db.Error."""
        versions = await database.read(_versions)
        # A key may become readable without a change of its server.
        if versions == self._seen and not self._unreadable:
            return False
        servers = await database.read(lambda: list(McpServer.objects.filter(is_on=True)))
        before = self._unreadable
        registry = bootstrap.use_remote(self._tools_of(servers))
        is_news = (versions, self._unreadable) != (self._seen, before)
        self._seen = versions
        if is_news:
            self._changed(registry)
        return is_news

    async def ask(self) -> None:
        """Begin to ask the servers whose lists are due. Raises django.db.Error."""
        now = timezone.now()
        for server in await database.read(McpServer.objects.due, now):
            if server.pk not in self._asking and await database.write(McpServer.objects.claim, server, now):
                task = asyncio.create_task(self._refresh(server), name=f"MCP server {server.slug}")
                self._asking[server.pk] = task
                task.add_done_callback(partial(self._asked, server.pk))

    def _asked(self, pk: int, _: asyncio.Task[None]) -> None:
        self._asking.pop(pk, None)

    async def _refresh(self, row: McpServer) -> None:
        try:
            if await database.write(record, row, await listed_by(row)):
                look_now()
        except DatabaseError as error:
            logger.warning("mcp: what %s said was not saved: %s", row.slug, type(error).__name__)
        except Exception:
            logger.exception("mcp: asking %s failed", row.slug)

    def _tools_of(self, rows: Iterable[McpServer]) -> list[Tool]:
        found: list[Tool] = []
        unreadable = set()
        for row in rows:
            try:
                found += _tools_of(row)
            except NoKey as error:
                unreadable.add(row.slug)
                if row.slug not in self._unreadable:
                    logger.error("mcp: the headers of %s cannot be read, so its tools are off: %s", row.slug, error)
        self._unreadable = frozenset(unreadable)
        return found

    async def _watch(self) -> None:
        while True:
            try:
                if await self.look():
                    logger.info("mcp: the tools have changed")
                await self.ask()
            except DatabaseError as error:
                logger.warning("mcp: looking for changed servers failed, retrying: %s", type(error).__name__)
            except Exception:
                logger.exception("mcp: looking for changed servers failed, retrying")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._bell.wait()
            self._bell.clear()


# The running watchers, with their event loops.
_watching: WeakKeyDictionary[McpServers, asyncio.AbstractEventLoop] = WeakKeyDictionary()


def look_now() -> None:
    """Use changed servers in this process at once. Thread-safe. Call it after the change is committed."""
    for servers, loop in list(_watching.items()):
        with suppress(RuntimeError):  # The loop has been closed.
            loop.call_soon_threadsafe(servers.ring)


async def listed_by(row: McpServer) -> Listing | str:
    """What the server says of its tools, or a clause about why it says nothing. Asks no database."""
    try:
        return await list_tools(server_of(row))
    except Unreachable as error:
        return str(error)
    except NoKey:
        return "its headers cannot be decrypted"


def record(row: McpServer, found: Listing | str) -> bool:
    """Save it, and log what is news. Returns whether anything is. Raises django.db.Error."""
    if isinstance(found, str):
        is_news = row.record_problem(found, RETRY_SECONDS)
        if is_news:
            logger.warning("mcp: %s does not list its tools: %s", row.slug, found)
        return is_news
    before = off(row)
    is_news = row.record([each.to_json() for each in found.definitions], found.seconds)
    if is_news:
        _log(row, found, before)
    return is_news


def _log(row: McpServer, listing: Listing, before: frozenset[str]) -> None:
    logger.info("mcp: %s lists %s tools", row.slug, len(listing.definitions))
    for name in sorted(off(row) - before):
        logger.warning(
            "mcp: the tool %s of %s is off until an administrator accepts its definition%s",
            *(name, row.slug, ", which has changed" if name in row.pinned else ""),
        )
    for each in listing.definitions:
        if each.problem:
            logger.warning("mcp: the tool %r of %s was dropped: it %s", each.name, row.slug, each.problem)


def server_of(row: McpServer) -> Server:
    """Raises NoKey."""
    return Server(row.slug, row.name, row.url, row.headers, row.timeout)


def definitions_of(row: McpServer) -> list[Definition]:
    """What the server said last."""
    found = []
    for each in row.listing:
        # Another version of this site may have written it.
        with suppress(msgspec.ValidationError):
            found.append(Definition.from_json(each))
    return found


def off(row: McpServer) -> frozenset[str]:
    """The names of tools that could be used, if an administrator had accepted their definitions."""
    usable = [each for each in definitions_of(row) if not each.problem]
    return frozenset(each.name for each in usable) - {each.name for each in accepted(usable, row.slug, row.pinned)}


def _tools_of(row: McpServer) -> list[Tool]:
    """Raises NoKey."""
    server = server_of(row)
    used = accepted(definitions_of(row), row.slug, row.pinned)
    return list(tools_of(server, used, {each.name: start_of(server, each.name) for each in used}, row.harmless))


def _versions() -> Versions:
    return tuple(McpServer.objects.order_by("pk").values_list("pk", "changed_at"))
