"""Asks a server for its tools."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from chat.tools.mcp.connection import Broken, Unreachable, bounded, connected, reason_of
from chat.tools.mcp.definitions import TOOLS, Definition, unique
from chat.tools.mcp.server import Server

# For all of it.
SECONDS: Final = 20.0
PAGES: Final = 20
# Until the server is asked again, unless it says how long its list is good.
TTL_SECONDS: Final = 300.0
SHORTEST_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Listing:
    """`seconds`: when to ask again."""

    definitions: tuple[Definition, ...]
    seconds: float


async def list_tools(server: Server, *, seconds: float = SECONDS) -> Listing:
    """Raises Unreachable."""
    try:
        return await bounded(lambda: _listed(server), seconds=seconds, name=f"mcp: listing the tools of {server.slug}")
    except Broken as error:
        raise Unreachable(str(error)) from None
    except TimeoutError:
        raise Unreachable("it does not list its tools in time") from None


async def _listed(server: Server) -> Listing:
    from mcp_types import PaginatedRequestParams

    found: list[Definition] = []
    ttl, cursor = 0.0, None
    async with connected(server) as (session, door):
        for _ in range(PAGES):
            try:
                page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
            except Exception as error:  # noqa: BLE001  (whatever the package makes of what the server sent)
                raise Unreachable(reason_of(error, door)) from None
            for tool in page.tools[: TOOLS + 1]:
                found.append(_definition(server, tool))
                # Each takes up to some milliseconds.
                await asyncio.sleep(0)
            ttl, cursor = max(ttl, page.ttl_ms / 1000), page.next_cursor
            if not cursor or len(found) > TOOLS:
                break
    seconds = min(max(ttl or TTL_SECONDS, SHORTEST_SECONDS), LONGEST_SECONDS)
    return Listing(tuple(unique(found)), seconds)


def _definition(server: Server, tool: Any) -> Definition:
    title = tool.title or (tool.annotations.title if tool.annotations else "")
    title, description = (server.without_secrets(text or "") for text in (title, tool.description))
    try:
        schema = server.without_secrets_in(tool.input_schema)
    except (ValueError, RecursionError):
        schema = None
    return Definition.of(tool.name, title, description, schema)
