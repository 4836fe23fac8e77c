"""HTTP requests to the application in this process, including streams."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from asgiref.testing import ApplicationCommunicator

from chat.protocol.sse import Decoder, Message
from chatsite.asgi import application

# Long enough for a busy machine: what has not arrived by then never will.
PATIENCE_SECONDS = 60
SILENT_TURNS = 30


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Message]:
        return [event for event in Decoder().feed(self.body) if event.event != "ping"]


class Stream:
    """A response that is read while it arrives."""

    def __init__(self, exchange: ApplicationCommunicator, start: dict[str, Any]) -> None:
        self._exchange = exchange
        self._decoder = Decoder()
        self.status: int = start["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        self.raw = b""
        self.ended = False

    async def chunk(self) -> bytes:
        output = await self._exchange.receive_output(PATIENCE_SECONDS)
        self.ended = not output.get("more_body", False)
        self.raw += output.get("body", b"")
        if self.ended:
            await self._exchange.wait(PATIENCE_SECONDS)
        return output.get("body", b"")

    async def until(self, name: str) -> list[Message]:
        """The events up to the first one with this name. Pings are left out unless the name is `ping`."""
        events: list[Message] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(event.event == name for event in events):
                events += self._decoder.feed(await self.chunk())
        return [event for event in events if event.event != "ping" or name == "ping"]

    async def rest(self) -> list[Message]:
        events: list[Message] = []
        while not self.ended:
            events += self._decoder.feed(await self.chunk())
        return [event for event in events if event.event != "ping"]

    async def close(self) -> None:
        await self._exchange.send_input({"type": "http.disconnect"})
        await self._exchange.wait(PATIENCE_SECONDS)

    async def is_silent(self) -> bool:
        """Whether nothing arrives in SILENT_TURNS turns of the event loop. Turns take longer on a busy machine."""
        for _ in range(SILENT_TURNS):
            if not self._exchange.output_queue.empty():
                return False
            await asyncio.sleep(0.002)
        return True


@dataclass
class Browser:
    """A client with a bearer token, or a session and a CSRF token, or nothing."""

    token: str = ""
    session: str = ""
    csrf: str = ""

    async def open(self, method: str, path: str, body: Any = None, **headers: str) -> Stream:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        sent = [(b"host", b"localhost"), (b"content-length", str(len(raw)).encode())]
        sent += [(name.replace("_", "-").encode(), value.encode("latin1")) for name, value in headers.items()]
        cookies = []
        if self.token:
            sent.append((b"authorization", f"Bearer {self.token}".encode()))
        if self.session:
            cookies.append(f"sessionid={self.session}")
        if self.csrf:
            cookies.append(f"csrftoken={self.csrf}")
            sent.append((b"x-csrftoken", self.csrf.encode()))
        if cookies:
            sent.append((b"cookie", "; ".join(cookies).encode()))
        exchange = ApplicationCommunicator(
            application,
            {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
                "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
                "headers": sent, "client": ("127.0.0.1", 1), "server": ("localhost", 80),
            },
        )  # fmt: skip
        await exchange.send_input({"type": "http.request", "body": raw, "more_body": False})
        return Stream(exchange, await exchange.receive_output(PATIENCE_SECONDS))

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        stream = await self.open(method, path, body, **headers)
        while not stream.ended:
            await stream.chunk()
        return Response(stream.status, stream.headers, stream.raw)

    async def get(self, path: str, **headers: str) -> Response:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Response:
        return await self.ask("POST", path, body, **headers)


def text_of(events: list[Message]) -> str:
    return "".join(json.loads(event.data)["text"] for event in events if event.event == "token")


def names(events: list[Message]) -> list[str]:
    return [event.event for event in events]
