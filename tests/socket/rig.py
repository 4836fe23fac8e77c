"""A WebSocket to the application in this process, and the frames it sends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from channels.testing import WebsocketCommunicator

from chatsite.asgi import application

ORIGIN = b"http://localhost"
# Long enough for a busy machine: what has not arrived by then never will.
PATIENCE_SECONDS = 60
SILENT_TURNS = 30


class Socket:
    """A client that sends nothing by itself, not even acknowledgements."""

    def __init__(
        self, *, session: str = "", token: str = "", origin: bytes | None = ORIGIN, subprotocols: tuple[str, ...] = ()
    ) -> None:
        headers = [(b"host", b"localhost")]
        if origin is not None:
            headers.append((b"origin", origin))
        if session:
            headers.append((b"cookie", f"sessionid={session}".encode()))
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self._socket = WebsocketCommunicator(application, "/ws/chat", headers, subprotocols=list(subprotocols))
        self.accepted = False
        self.subprotocol: str | None = None
        self.closed: int | None = None
        self._refs = 0

    async def connect(self) -> bool:
        await self._socket.send_input({"type": "websocket.connect"})
        first = await self._socket.receive_output(PATIENCE_SECONDS)
        self.accepted = first["type"] == "websocket.accept"
        self.subprotocol = first.get("subprotocol")
        return self.accepted

    async def send(self, frame: dict[str, Any] | str | bytes) -> None:
        if isinstance(frame, bytes):
            await self._socket.send_input({"type": "websocket.receive", "bytes": frame})
        else:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def receive(self, kind: str = "", *, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next frame, or the next of one type. A close is `{"type": "close", "code"}`."""
        while True:
            output = await self._socket.receive_output(seconds)
            if output["type"] == "websocket.close":
                self.closed = output.get("code", 1000)
                frame: dict[str, Any] = {"type": "close", "code": self.closed}
            else:
                frame = json.loads(output["text"])
            if not kind or frame["type"] == kind:
                return frame
            if self.closed is not None:
                raise AssertionError(f"closed with {self.closed} while waiting for {kind}")

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a request and return its reply. Frames in between are dropped."""
        self._refs += 1
        await self.send({"type": kind, "ref": self._refs, **fields})
        while True:
            frame = await self.receive()
            if frame.get("ref") == self._refs:
                return frame

    async def is_silent(self) -> bool:
        """Whether nothing arrives in SILENT_TURNS turns of the event loop. Turns take longer on a busy machine."""
        for _ in range(SILENT_TURNS):
            if not self._socket.output_queue.empty():
                return False
            await asyncio.sleep(0.002)
        return True

    async def events(self, run_id: str, *, acknowledge: bool = True) -> list[dict[str, Any]]:
        """All events of a run, up to its terminal event."""
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not events or events[-1]["event"] not in {"done", "error"}:
                frame = await self.receive("events")
                if acknowledge:
                    await self.send({"type": "ack", "frame": frame["frame"]})
                if frame["run_id"] == run_id:
                    events += frame["events"]
        return events

    async def disconnect(self) -> None:
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._socket.wait(PATIENCE_SECONDS)


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["data"]["text"] for event in events if event["event"] == "token")
