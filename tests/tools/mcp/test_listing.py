from __future__ import annotations

import asyncio
import time

import pytest

from chat.tools.mcp.connection import Unreachable
from chat.tools.mcp.definitions import TOOLS
from chat.tools.mcp.listing import LONGEST_SECONDS, SHORTEST_SECONDS, TTL_SECONDS, list_tools
from chat.tools.mcp.server import Server
from tests.ports import closed_port
from tests.providers.raw_server import response
from tests.tools.mcp import server as fake
from tests.tools.mcp.server import ECHO, SECRET, STREAM, McpServer, Message, hangs, sends


async def names(server: McpServer) -> list[str]:
    return [each.name for each in (await list_tools(server.at())).definitions]


async def test_all_pages_are_read() -> None:
    def play(message: Message) -> object:
        number = int((message.get("params") or {}).get("cursor", 0))
        page = {
            "tools": [{**ECHO, "name": f"echo{number}"}],
            **({"nextCursor": str(number + 1)} if number < 2 else {}),
        }
        return fake._played(fake.result(message, page))

    async with McpServer(tools_list=play) as server:  # type: ignore[arg-type]
        assert await names(server) == ["echo0", "echo1", "echo2"]


async def test_a_list_without_an_end_is_cut() -> None:
    def endless(message: Message) -> object:
        return fake._played(fake.result(message, {"tools": [ECHO], "nextCursor": "again"}))

    async with McpServer(tools_list=endless) as server:  # type: ignore[arg-type]
        found = (await list_tools(server.at())).definitions
    assert [each.problem for each in found] == ["is listed twice"]


async def test_so_many_tools_are_cut() -> None:
    async with McpServer(*[{**ECHO, "name": f"echo{number:04}"} for number in range(1000)]) as server:
        assert len(await names(server)) == TOOLS


async def test_a_bad_tool_costs_no_other() -> None:
    bad = {"name": "bad", "inputSchema": {"type": "object", "$ref": "#/nowhere"}}
    async with McpServer(ECHO, bad) as server:
        found = (await list_tools(server.at())).definitions
    assert [(each.name, each.problem) for each in found] == [
        ("bad", "refers to a schema that is missing"),
        ("echo", ""),
    ]


async def test_when_to_ask_again() -> None:
    async with McpServer() as server:
        assert (await list_tools(server.at())).seconds == TTL_SECONDS
    assert SHORTEST_SECONDS < TTL_SECONDS < LONGEST_SECONDS


async def test_header_values_are_in_no_definition() -> None:
    async with McpServer({**ECHO, "title": SECRET, "description": f"Use {SECRET}."}) as server:
        found = (await list_tools(server.at())).definitions
    assert SECRET not in str(found)
    assert "[removed]" in found[0].description


JSON_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n"
MEGABYTE = b"x" * 1024 * 1024


@pytest.mark.parametrize("method", ["initialize", "tools_list"])
@pytest.mark.parametrize(
    ("play", "words"),
    [
        (sends(response(b"", status="403 No")), "it rejects the headers of this site (status 403)"),
        (sends(response(b"", status="404 No")), "status 404"),
        (sends(response(b"", status="302 Found", headers=["Location: http://example.org/"])), "redirects"),
        (sends(response(b"", status="307 Go", headers=["Location: /mcp/"])), "add or remove the slash"),
        (sends(), "connection to it was lost"),
        (sends(JSON_HEAD + b'{"a": "', *[MEGABYTE] * 6), "larger than 4 MiB"),
        (sends(response(b"hunter2", headers=["Content-Type: text/html"])), "does not speak MCP"),
        (sends(STREAM), "does not speak MCP"),
    ],
    ids=["403", "404", "redirect", "slash", "dies", "large", "page", "ends"],
)
async def test_whatever_goes_wrong_is_a_clause(method: str, play: fake.Play, words: str) -> None:
    async with McpServer(**{method: play}) as server:
        with pytest.raises(Unreachable) as failed:
            await list_tools(server.at())
    assert words in str(failed.value)
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("method", ["server_discover", "initialize", "tools_list"])
async def test_a_server_that_hangs_is_left(method: str) -> None:
    async with McpServer(**{method: hangs, "DELETE": hangs}) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            await list_tools(server.at(timeout=600), seconds=1.0)
        async with asyncio.timeout(20):
            await server.left.wait()
    assert time.monotonic() - began < 20


async def test_a_server_that_is_down() -> None:
    with pytest.raises(Unreachable, match="could not be reached"):
        await list_tools(Server("ours", "Ours", f"http://127.0.0.1:{closed_port()}/mcp"))


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "100.100.100.200"])
async def test_addresses_that_no_server_has_are_refused(address: str) -> None:
    with pytest.raises(Unreachable, match="its address may not be reached"):
        await list_tools(Server("ours", "Ours", f"http://{address}/mcp"))
