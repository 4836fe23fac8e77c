"""Calls a tool of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from chat.protocol.untrusted_input import is_deep
from chat.tools.base import Arguments, Context, Result, ToolFailed
from chat.tools.definitions import Start
from chat.tools.mcp.connection import Broken, Unreachable, connected, reason_of
from chat.tools.mcp.door import CLOSE_SECONDS, Door
from chat.tools.mcp.server import Server

if TYPE_CHECKING:
    from mcp.client.session import ClientSession
    from mcp_types import CallToolResult

# Of a server's own words in a sentence.
WORDS: Final = 2_000

_NOT_CALLED: Final = "The tool was not called, because of its server: {reason}. Tell the person, or answer without it."
_LOST: Final = (
    "The tool's server was asked, but there is no result: {reason}. The call may have taken effect: check before you "
    "make it again."
)


def start_of(server: Server, name: str) -> Start:
    """How this tool is called (`Tool.start`)."""

    async def start(arguments: Arguments, context: Context) -> AsyncIterator[Any]:
        # No value is yielded while the connection is open: it must be closed by the task that opened it.
        yield await call(server, name, dict(arguments.given), context)

    return start


async def call(server: Server, name: str, arguments: dict[str, Any], context: Context) -> Result:
    """Raises ToolFailed. If it is cancelled, the server has been told."""
    try:
        async with connected(server) as (session, door):
            try:
                found = await _asked(session, door, server, name, arguments, context)
            except asyncio.CancelledError:
                await _let_know(session, door)
                raise
    except Unreachable as error:
        raise ToolFailed("failed", _NOT_CALLED.format(reason=error)) from None
    except Broken as error:
        raise _lost(str(error), is_too_large=door.is_too_large) from None
    return result_of(server, found)


async def _let_know(session: ClientSession, door: Door) -> None:
    """The package has begun to tell the server, but does not wait for it when it closes a connection."""
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    if not door.failure and session.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        with suppress(TimeoutError):
            await asyncio.wait_for(door.told.wait(), CLOSE_SECONDS)


async def _asked(
    session: ClientSession, door: Door, server: Server, name: str, arguments: dict[str, Any], context: Context
) -> CallToolResult:
    """Raises ToolFailed."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import (
        CONNECTION_CLOSED,
        HEADER_MISMATCH,
        INVALID_REQUEST,
        PARSE_ERROR,
        CallToolRequest,
        CallToolRequestParams,
        CallToolResult,
    )

    async def show(progress: float, total: float | None, message: str | None) -> None:
        text = server.without_secrets(message or (f"{progress:g} / {total:g}" if total else f"{progress:g}"))
        context.progress({"text": text, "progress": progress, **({"total": total} if total else {})})

    request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
    # Not `session.call_tool`: it asks for the list after each call, and checks the result by patterns of the server's.
    send = (request, CallToolResult)
    try:
        try:
            return await session.send_request(*send, progress_callback=show)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
            # It has not been called: the server wants some arguments in headers, as its list says.
            await session.list_tools()
            return await session.send_request(*send, progress_callback=show)
    except MCPError as error:
        if 400 <= door.status < 500:
            raise ToolFailed("failed", _NOT_CALLED.format(reason=reason_of(error, door))) from None
        if door.failure or door.status >= 500:
            raise _lost(reason_of(error, door), is_too_large=door.is_too_large) from None
        if error.code == CONNECTION_CLOSED:
            raise _lost("the connection ended") from None
        if error.code in {PARSE_ERROR, INVALID_REQUEST}:
            # The package says so itself of a response that it cannot read; the call may have been made.
            raise _lost("it does not speak MCP as it should") from None
        words = server.without_secrets(str(error))[:WORDS]
        raise ToolFailed("failed", f"The tool's server refused the call: {words}") from None
    except Exception as error:  # noqa: BLE001  (whatever the package makes of what the server sent)
        raise _lost(reason_of(error, door), is_too_large=door.is_too_large) from None


def _lost(reason: str, *, is_too_large: bool = False) -> ToolFailed:
    return ToolFailed("too_large" if is_too_large else "unknown_outcome", _LOST.format(reason=reason))


def result_of(server: Server, found: CallToolResult) -> Result:
    """Texts are joined; what else there is, is named. Raises ToolFailed if the tool says that it failed."""
    text = server.without_secrets("\n\n".join(each for part in found.content for each in _texts(part)))
    if found.is_error:
        raise ToolFailed("failed", text or "The tool failed, and did not say why.")
    value = found.structured_content
    if value is None:
        return Result(text or "Done.")
    if is_deep(value):
        return Result(text or "The result is nested too deeply.")
    value = server.without_secrets_in(value)
    return Result(text or msgspec.json.encode(value).decode(), value)


def _texts(part: Any) -> Iterator[str]:
    kind = getattr(part, "type", "content")
    if kind == "text":
        yield part.text
    elif kind == "resource":
        yield f"[resource {part.resource.uri}]"
        yield from filter(None, [getattr(part.resource, "text", "")])
    elif kind == "resource_link":
        yield f"[link to {part.uri}: {part.name}]"
    else:
        yield f"[{kind}, {getattr(part, 'mime_type', None) or 'of an unknown type'}: it cannot be shown]"
