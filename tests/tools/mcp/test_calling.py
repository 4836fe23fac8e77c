"""Calls of tools, at a server that does as it should and at those that do not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from chat.tools.base import Progress, Result, Tool, ToolFailed
from chat.tools.mcp.calling import start_of
from chat.tools.mcp.definitions import Definition
from chat.tools.mcp.server import Server
from tests.ports import closed_port
from tests.providers.raw_server import response
from tests.tools.calling import outputs
from tests.tools.calling import result as result_of_call
from tests.tools.mcp import server as fake
from tests.tools.mcp.server import ECHO, SECRET, STREAM, McpServer, Message, hangs, sends

HI = '{"text": "hi"}'
MEGABYTE = b"x" * 1024 * 1024


def echo(at: Server) -> Tool:
    definition = Definition.of("echo", "", ECHO["description"], ECHO["inputSchema"])
    return definition.tool(at, start_of(at, "echo"))


async def failure(at: Server) -> ToolFailed:
    async with asyncio.timeout(20):
        with pytest.raises(ToolFailed) as failed:
            await outputs(echo(at), HI)
    return failed.value


async def test_a_tool_is_called_on_a_connection_of_its_own() -> None:
    async with McpServer() as server:
        tool = echo(server.at())
        assert await result_of_call(tool, HI) == Result("hi", None, "hi", 2)
        assert await result_of_call(tool, '{"text": "ho"}') == Result("ho", None, "ho", 2)

    assert server.methods.count("initialize") == server.methods.count("DELETE") == 2
    called = [message["params"] for message in server.messages if message["method"] == "tools/call"]
    assert [(each["name"], each["arguments"]) for each in called] == [
        ("echo", {"text": "hi"}),
        ("echo", {"text": "ho"}),
    ]
    assert all(f"X-Team: {SECRET}" in head for head in server.heads)
    # The list is asked for in the background only.
    assert "tools/list" not in server.methods
    assert "GET" not in server.methods


async def test_progress_is_shown_as_it_comes() -> None:
    async def play(message: Message) -> AsyncIterator[bytes | float | None]:
        yield STREAM + fake.progress_of(message, 1, "Looking") + fake.progress_of(message, 2)
        done = {"content": [{"type": "text", "text": "Found."}]}
        yield fake.event({"jsonrpc": "2.0", "id": message["id"], "result": done})

    async with McpServer(tools_call=play) as server:
        found = await outputs(echo(server.at()), HI)

    assert found[:-1] == [
        Progress({"text": "Looking", "progress": 1, "total": 3}),
        Progress({"text": "2 / 3", "progress": 2, "total": 3}),
    ]
    assert isinstance(found[-1], Result)
    assert found[-1].text == "Found."


async def test_progress_extends_the_time_of_a_call() -> None:
    asked = asyncio.Event()

    async def play(message: Message) -> AsyncIterator[bytes | float | None]:
        yield STREAM
        for step in range(6):
            yield 0.2
            yield fake.progress_of(message, step)
        asked.set()
        done = {"content": [{"type": "text", "text": "Found."}]}
        yield fake.event({"jsonrpc": "2.0", "id": message["id"], "result": done})

    async with McpServer(tools_call=play) as server:
        assert (await result_of_call(echo(server.at(timeout=0.8)), HI)).text == "Found."
    assert asked.is_set()


def plays(value: dict[str, Any]) -> fake.Play:
    return lambda message: fake._played(fake.result(message, value))


async def test_structured_content_is_the_value() -> None:
    both = {"content": [{"type": "text", "text": "Two birds."}], "structuredContent": {"birds": 2}}
    async with McpServer(tools_call=plays(both)) as server:
        found = await result_of_call(echo(server.at()), HI)
    assert (found.text, found.value) == ("Two birds.", {"birds": 2})

    async with McpServer(tools_call=plays({"content": [], "structuredContent": {"birds": 2}})) as server:
        found = await result_of_call(echo(server.at()), HI)
    assert (found.text, found.value) == ('{"birds":2}', {"birds": 2})


async def test_texts_are_joined_and_other_content_is_named() -> None:
    content = [
        {"type": "text", "text": "One"},
        {"type": "image", "data": "aGk=", "mimeType": "image/png"},
        {"type": "audio", "data": "aGk=", "mimeType": "audio/wav"},
        {"type": "resource", "resource": {"uri": "file:///a.txt", "text": "Inside"}},
        {"type": "resource_link", "uri": "file:///b.txt", "name": "b"},
        {"type": "text", "text": "Two"},
    ]
    async with McpServer(tools_call=plays({"content": content})) as server:
        found = await result_of_call(echo(server.at()), HI)
    assert found.text.split("\n\n") == [
        "One",
        "[image, image/png: it cannot be shown]",
        "[audio, audio/wav: it cannot be shown]",
        "[resource file:///a.txt]",
        "Inside",
        "[link to file:///b.txt: b]",
        "Two",
    ]


async def test_a_result_that_is_an_error_is_a_failure() -> None:
    play = plays({"content": [{"type": "text", "text": "No such bird."}], "isError": True})
    async with McpServer(tools_call=play) as server:
        failed = await failure(server.at())
    assert (failed.code, failed.message) == ("failed", "No such bird.")


async def test_a_refused_call_is_a_failure() -> None:
    async with McpServer(
        tools_call=lambda message: fake._played(fake.error(message, -32602, "text is wrong"))
    ) as server:
        failed = await failure(server.at())
    assert failed.code == "failed"
    assert "text is wrong" in failed.message


async def test_a_result_is_not_checked_by_patterns_of_the_server() -> None:
    """One of them could keep this process busy for years."""
    evil = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    value = {"content": [], "structuredContent": {"a": "a" * 40 + "!"}}
    async with McpServer({**ECHO, "outputSchema": evil}, tools_call=plays(value)) as server:
        async with asyncio.timeout(20):
            found = await result_of_call(echo(server.at()), HI)
    assert found.value == {"a": "a" * 40 + "!"}


async def test_missing_arguments_do_not_reach_the_server() -> None:
    async with McpServer() as server:
        with pytest.raises(ToolFailed, match="lack `text`"):
            await outputs(echo(server.at()), "{}")
    assert server.messages == []


async def stopped(server: McpServer) -> None:
    call = asyncio.create_task(outputs(echo(server.at()), HI))
    async with asyncio.timeout(20):
        await server.called.wait()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        assert call.cancelled()
        await server.left.wait()


async def test_a_stopped_call_reaches_the_server() -> None:
    async with McpServer(tools_call=hangs) as server:
        await stopped(server)
        assert server.told.is_set()
    assert server.methods[-2:] == ["notifications/cancelled", "DELETE"]
    called = next(message for message in server.messages if message["method"] == "tools/call")
    cancelled = next(message for message in server.messages if message["method"] == "notifications/cancelled")
    assert cancelled["params"]["requestId"] == called["id"]


async def test_a_stopped_call_reaches_a_server_without_sessions() -> None:
    async def initialize(message: Message) -> AsyncIterator[bytes | float | None]:
        async for piece in McpServer()._usual(message):
            assert isinstance(piece, bytes)
            yield piece.replace(b"Mcp-Session-Id: s-1\r\n", b"")

    async with McpServer(tools_call=hangs, initialize=initialize) as server:
        await stopped(server)
        async with asyncio.timeout(20):
            await server.told.wait()
    assert "DELETE" not in server.methods


async def test_a_server_that_does_not_let_go_is_left() -> None:
    async with McpServer(tools_call=hangs, DELETE=hangs) as server:
        await stopped(server)
    async with McpServer(DELETE=hangs) as server:
        assert (await result_of_call(echo(server.at()), HI)).text == "hi"


@pytest.mark.parametrize("method", ["server_discover", "initialize"])
async def test_a_server_that_hangs_at_the_beginning_was_not_asked(method: str) -> None:
    async with McpServer(**{method: hangs}) as server:
        failed = await failure(server.at(timeout=1.0))
    assert failed.code == "failed"
    assert "was not called, because of its server: it does not respond in time" in failed.message
    assert "tools/call" not in server.methods


async def test_a_server_that_asks_and_ignores_the_reply_is_left() -> None:
    async def play(message: Message) -> AsyncIterator[bytes | float | None]:
        yield fake.STREAM + fake.event({"jsonrpc": "2.0", "id": "ask-0", "method": "roots/list"})
        yield None

    async with McpServer(tools_call=play, POST=hangs) as server:
        failed = await failure(server.at(timeout=1.0))
        async with asyncio.timeout(20):
            await server.told.wait()
    assert failed.code == "timeout"


async def test_a_server_need_not_answer_what_it_is_told() -> None:
    async with McpServer(notifications_initialized=hangs) as server:
        assert (await result_of_call(echo(server.at()), HI)).text == "hi"


async def test_a_server_that_is_down_was_not_asked() -> None:
    failed = await failure(Server("ours", "Ours", f"http://127.0.0.1:{closed_port()}/mcp"))
    assert failed.code == "failed"
    assert "it could not be reached" in failed.message


async def test_a_call_that_hangs_times_out() -> None:
    async with McpServer(tools_call=hangs) as server:
        failed = await failure(server.at(timeout=1.0))
        async with asyncio.timeout(20):
            await server.told.wait()
    assert failed.code == "timeout"
    assert "may have taken effect" in failed.message


async def test_a_call_that_drips_times_out() -> None:
    drops = [piece for _ in range(200) for piece in (b": \n", 0.05)]
    async with McpServer(tools_call=sends(STREAM, *drops)) as server:
        assert (await failure(server.at(timeout=1.0))).code == "timeout"


JSON_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n"


@pytest.mark.parametrize("head", [STREAM, STREAM + b"data: ", JSON_HEAD + b'{"a": "'], ids=["lines", "event", "json"])
async def test_a_response_of_50_megabytes_is_cut_off(head: bytes) -> None:
    async with McpServer(tools_call=sends(head, *[MEGABYTE] * 50)) as server:
        failed = await failure(server.at())
    assert failed.code == "too_large"
    assert "larger than 4 MiB" in failed.message


@pytest.mark.parametrize(
    ("play", "code", "words"),
    [
        (sends(), "unknown_outcome", "the connection to it was lost"),
        (sends(STREAM), "unknown_outcome", "the connection ended"),
        (sends(STREAM + b"data: {"), "unknown_outcome", "the connection ended"),
        (sends(JSON_HEAD + b'{"jsonrpc"'), "unknown_outcome", "it does not speak MCP"),
        (sends(response(b"<html>", headers=["Content-Type: text/html"])), "unknown_outcome", "it does not speak MCP"),
        (sends(response(b"{}", status="401 No")), "failed", "it rejects the headers of this site (status 401)"),
        (sends(response(b"Oh", status="500 Oh")), "unknown_outcome", "it responds with an error (status 500)"),
        (sends(b"SSH-2.0-OpenSSH\r\n\r\n"), "unknown_outcome", "the connection to it was lost"),
        (plays({"content": "nothing"}), "unknown_outcome", "it does not speak MCP"),
        (plays({"content": [], "structuredContent": [[]]}), "unknown_outcome", "it does not speak MCP"),
    ],
    ids=["dies", "ends", "half", "half json", "page", "401", "500", "ssh", "no content", "list"],
)
async def test_whatever_a_server_does_is_the_failure_of_the_call(play: fake.Play, code: str, words: str) -> None:
    async with McpServer(tools_call=play) as server:
        failed = await failure(server.at())
        assert (failed.code, words in failed.message) == (code, True), failed.message
        server.plays.clear()
        assert (await result_of_call(echo(server.at()), HI)).text == "hi"


async def test_a_response_that_cannot_be_read_on_does_not_say_that_nothing_was_called() -> None:
    begun = sends(STREAM + b"id: 1\nretry: 10\ndata:\n\n")
    async with McpServer(tools_call=begun, GET=sends(response(b"", status="404 Not Found"))) as server:
        failed = await failure(server.at())
    assert "last-event-id: 1" in server.heads[-2].lower() + server.heads[-1].lower()
    assert failed.code == "unknown_outcome", failed.message


@pytest.mark.parametrize("method", ["server_discover", "initialize", "tools_call"])
@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_a_redirect_to_another_host_is_not_followed(method: str, status: str) -> None:
    async with McpServer() as other, McpServer() as server:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        server.plays[method.replace("_", "/")] = sends(
            response(b"", status=status, headers=[f"Location: {elsewhere}"])
        )
        failed = await failure(server.at())
    assert "it redirects to another address" in failed.message
    assert other.heads == []


async def test_a_server_cannot_make_the_site_connect_forever() -> None:
    again = STREAM + b"id: 1\nretry: 0\ndata: \n\n"
    async with McpServer(tools_call=sends(again), GET=sends(again)) as server:
        failed = await failure(server.at())
    assert failed.code == "unknown_outcome"
    assert "connect again and again" in failed.message
    assert len(server.messages) < 80


async def test_a_server_cannot_ask_the_model_or_the_person() -> None:
    async def play(message: Message) -> AsyncIterator[bytes | float | None]:
        yield fake.STREAM
        for number, method in enumerate(("sampling/createMessage", "elicitation/create", "roots/list")):
            params = {"messages": [], "maxTokens": 9, "message": "Your password?", "requestedSchema": {}}
            yield fake.event({"jsonrpc": "2.0", "id": f"ask-{number}", "method": method, "params": params})
        while len(replies()) < 3:
            yield 0.01
        done = {"content": [{"type": "text", "text": "Found."}]}
        yield fake.event({"jsonrpc": "2.0", "id": message["id"], "result": done})

    def replies() -> list[Message]:
        return [message for message in server.messages if str(message.get("id", "")).startswith("ask-")]

    async with McpServer(tools_call=play) as server:
        assert (await result_of_call(echo(server.at()), HI)).text == "Found."
        assert sorted(reply["id"] for reply in replies()) == ["ask-0", "ask-1", "ask-2"]
        assert all("error" in reply for reply in replies())


async def test_instructions_are_ignored() -> None:
    async with McpServer() as server:
        found = await result_of_call(echo(server.at()), HI)
    assert "Ignore" not in str(found)


async def test_header_values_never_come_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    leak = f"{SECRET} otters-1234 Bearer otters-1234"

    async def play(message: Message) -> AsyncIterator[bytes | float | None]:
        yield STREAM + fake.progress_of(message, 1, leak)
        done = {"content": [{"type": "text", "text": leak}], "structuredContent": {"seen": leak}}
        yield fake.event({"jsonrpc": "2.0", "id": message["id"], "result": done})

    async with McpServer(tools_call=play) as server:
        found = str(await outputs(echo(server.at()), HI))
        server.plays["tools/call"] = plays({"content": [{"type": "text", "text": leak}], "isError": True})
        found += (await failure(server.at())).message
        server.plays["tools/call"] = lambda message: fake._played(fake.error(message, -1, leak))
        found += (await failure(server.at())).message
        found += repr(server.at())
    assert found.count("[removed]") > 6
    assert caplog.records
    for secret in (SECRET, "otters-1234"):
        assert secret not in found
        assert secret not in caplog.text
