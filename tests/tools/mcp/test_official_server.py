"""The client against the server of the official package, which speaks the protocol without sessions (2026-07-28)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from chat.tools.base import Progress, Tool, ToolFailed
from chat.tools.mcp.calling import start_of
from chat.tools.mcp.listing import list_tools
from chat.tools.mcp.server import Server
from tests.tools.calling import outputs, result


class Birds:
    """`began`, `ended`: of the tool that takes forever."""

    def __init__(self) -> None:
        self.began, self.ended = asyncio.Event(), asyncio.Event()
        self.server = MCPServer("birds")

        @self.server.tool()
        async def count(kinds: list[str], ctx: Context) -> dict[str, int]:
            """Count birds."""
            await ctx.report_progress(1, 2, "Counting")
            return {kind: len(kind) for kind in kinds}

        @self.server.tool()
        async def wait() -> str:
            """Take forever."""
            self.began.set()
            try:
                await asyncio.sleep(3600)
            finally:
                self.ended.set()
            return "never"

        @self.server.tool()
        async def fail() -> str:
            """Fail."""
            raise ValueError("no birds")


@asynccontextmanager
async def serving(birds: Birds) -> AsyncIterator[Server]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(birds.server.streamable_http_app(), log_config=None, timeout_graceful_shutdown=1)
        )
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(20):
                while not server.started:
                    await asyncio.sleep(0.01)
            yield Server("birds", "Birds", f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
        finally:
            server.should_exit = True
            await task


async def tools_at(server: Server) -> dict[str, Tool]:
    found = (await list_tools(server)).definitions
    assert [each.problem for each in found] == ["", "", ""]
    return {each.name: each.tool(server, start_of(server, each.name)) for each in found}


async def test_it_lists_calls_and_fails() -> None:
    async with serving(Birds()) as server:
        tools = await tools_at(server)
        assert tools["count"].parameters["properties"]["kinds"]["items"] == {"type": "string"}
        progress, found = await outputs(tools["count"], '{"kinds": ["heron", "owl"]}')
        with pytest.raises(ToolFailed, match="Error executing tool fail"):
            await result(tools["fail"])
    assert progress == Progress({"text": "Counting", "progress": 1.0, "total": 2.0})
    assert found.value == {"heron": 5, "owl": 3}  # type: ignore[union-attr]


async def test_a_stopped_call_ends_at_the_server() -> None:
    birds = Birds()
    async with asyncio.timeout(30), serving(birds) as server:
        tools = await tools_at(server)
        call = asyncio.create_task(result(tools["wait"]))
        await birds.began.wait()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        await birds.ended.wait()
    assert call.cancelled()
