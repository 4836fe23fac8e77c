"""A tiny ASGI application under our server: python -m tests.server.streaming_app [stock | unlimited | patience JSON]

Prints its port. The JSON has the arguments of `ArrivalDeadlines`. The negative controls: "stock" has Daphne's own
`send`, which never waits; "unlimited" accepts everything over a WebSocket.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs

from chat.server.arrivals import ArrivalDeadlines
from chat.server.listening import listen
from chat.server.server import Server, daphne

CHUNK_BYTES = 16 * 1024

accepted = 0
"""Bytes of the big stream for which `send` has returned."""
outcomes: list[str] = []
"""How the big streams have ended."""


def chunk(number: int) -> bytes:
    return b"%015d\n" % number * (CHUNK_BYTES // 16)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        await ROUTES[scope["path"]](scope, receive, send)


async def respond(send: Any, body: bytes) -> None:
    await start(send, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.body", "body": body})


async def start(send: Any, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def state(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, json.dumps({"accepted": accepted, "outcomes": outcomes}).encode())


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, (await receive())["body"])


async def big(scope: Any, receive: Any, send: Any) -> None:
    chunks = int(parse_qs(scope["query_string"])[b"chunks"][0])
    await start(send, (b"content-type", b"text/event-stream"))

    async def body() -> None:
        await produce(chunks, lambda data: send({"type": "http.response.body", "body": data, "more_body": True}))
        await send({"type": "http.response.body"})

    await until_gone(body(), receive, "http.disconnect")


async def produce(chunks: int, send: Any) -> None:
    global accepted
    accepted = 0
    for number in range(chunks):
        await send(chunk(number))
        accepted += CHUNK_BYTES


async def until_gone(work: Any, receive: Any, goodbye: str) -> None:
    """Do the work, or cancel it when the client disconnects. Record which in `outcomes`."""
    working = asyncio.create_task(work)

    async def gone() -> None:
        while (await receive())["type"] != goodbye:
            pass

    waiting = asyncio.create_task(gone())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    outcomes.append("completed" if working.done() else "gone")
    for task in (working, waiting):
        task.cancel()


async def fail_late(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("planted")


async def wait_for_ever(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    await asyncio.Event().wait()


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/refuse":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    chunks = int(parse_qs(scope["query_string"])[b"chunks"][0])
    if chunks < 0:
        # It reads nothing.
        await asyncio.Event().wait()

    async def stream() -> None:
        await produce(chunks, lambda data: send({"type": "websocket.send", "bytes": data}))
        if chunks:
            await send({"type": "websocket.close", "code": 1000})

    async def close_when_told() -> None:
        # The client's first frame asks for a close while the stream may be waiting for it to read.
        message = await receive()
        if message["type"] == "websocket.receive":
            await send({"type": "websocket.close", "code": 4408})
            message = await receive()
        while message["type"] != "websocket.disconnect":
            message = await receive()

    streaming = asyncio.create_task(stream())
    await close_when_told()
    outcomes.append("completed" if streaming.done() else "gone")
    streaming.cancel()


ROUTES = {"/state": state, "/echo": echo, "/big": big, "/fail-late": fail_late, "/wait": wait_for_ever}


class StockServer(Server):
    handle_reply = daphne.server.Server.handle_reply


def tell(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def shut_down() -> None:
    tell("shut down")


if __name__ == "__main__":
    if sys.argv[1:] == ["unlimited"]:
        # Only here: the server has to be imported first.
        from chat.server import inbox
        from chat.server import websocket as websocket_protocol

        websocket_protocol.SILENT_FRAMES_PER_SECOND = inbox.FULL = 2**31  # type: ignore[misc]
    server = StockServer if sys.argv[1:] == ["stock"] else Server
    patience = ArrivalDeadlines(**json.loads(sys.argv[2])) if sys.argv[1:2] == ["patience"] else ArrivalDeadlines()
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server(application, listener, on_listening=lambda: tell(port), on_shutdown=shut_down, patience=patience).run()
    tell("returned")
