"""Clients that follow the protocol strictly, over WebSocket and SSE. Both apply events to `Reading`s.

A reading outlives its connection, as a page's state outlives its socket. This is how tests resume a run or change the
transport.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.protocol.sse import Decoder
from tests.fake_openai.stage import hash_of
from tests.faults.processes import Site
from tests.faults.reading import Reading, Violation
from tests.members import Member

PATIENCE: Final = 60.0


class Socket:
    """A connection to `/ws/chat`, read by a background task. Without `acks`, it never acknowledges events."""

    def __init__(self, connection: ClientConnection, readings: dict[str, Reading], *, acks: bool) -> None:
        self.readings = readings
        self.acks = acks
        self.frames = 0
        self.bytes = 0
        # When the last frame arrived, by time.monotonic().
        self.heard_at = time.monotonic()
        self.notices: list[dict[str, Any]] = []
        self.pings: list[dict[str, Any]] = []
        self.bye: dict[str, Any] | None = None
        self.broken: Exception | None = None
        self.unsolicited: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.hello: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._refs = itertools.count(1)
        self._replies: dict[object, asyncio.Future[dict[str, Any]]] = {}
        self._task = asyncio.create_task(self._read())

    @property
    def close_code(self) -> int | None:
        return self._connection.close_code

    @property
    def is_open(self) -> bool:
        return not self._task.done()

    async def send(self, text: str, **fields: Any) -> dict[str, Any]:
        """Send a message and return the reply."""
        return await self.ask("send", text=text, **{"client_message_id": str(uuid.uuid4()), **fields})

    async def run(self, text: str, **fields: Any) -> Reading:
        """Send a message and follow its run."""
        reply = await self.send(text, **fields)
        if reply["type"] != "ok":
            raise Violation(f"the message is refused: {reply}")
        return self.reading(reply["run_id"])

    async def subscribe(self, reading: Reading) -> dict[str, Any]:
        """Follow a run from the reading's cursor."""
        self.readings[reading.run_id] = reading
        reading.lost = ""
        after = {"after": reading.cursor} if reading.cursor else {}
        return await self.ask("subscribe", run_id=reading.run_id, **after)

    async def stop(self, run_id: str) -> dict[str, Any]:
        return await self.ask("stop", run_id=run_id)

    def reading(self, run_id: str) -> Reading:
        reading = self.readings.setdefault(run_id, Reading(run_id))
        if not self.is_open:
            reading.lost = self._end
        return reading

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a request and return the reply, `ok` or `error`."""
        ref = next(self._refs)
        reply = self._replies[ref] = asyncio.get_running_loop().create_future()
        await self.put({"type": kind, "ref": ref, **fields})
        async with asyncio.timeout(PATIENCE):
            return await reply

    async def put(self, frame: dict[str, Any] | str | bytes) -> None:
        """Send a frame: a dict as JSON, a string or bytes unchanged."""
        await self._connection.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def put_invalid(self, data: bytes) -> None:
        """Send bytes as a text frame, even if they are not valid UTF-8."""
        await self._connection.send(data, text=True)

    async def refusal(self) -> dict[str, Any]:
        """Return the next reply to a frame sent by `put`."""
        async with asyncio.timeout(PATIENCE):
            return await self.unsolicited.get()

    async def closed(self, *, seconds: float = PATIENCE) -> int | None:
        """Wait until the server closes the connection; return the close code."""
        async with asyncio.timeout(seconds):
            await asyncio.shield(self._task)
        return self.close_code

    async def close(self) -> None:
        await self._connection.close()
        await self._task
        self.check()

    async def abort(self) -> None:
        """Disconnect without a close frame, as when the battery is empty."""
        self._connection.transport.abort()
        await self._task

    def check(self) -> None:
        if self.broken is not None:
            raise self.broken

    async def _read(self) -> None:
        try:
            with suppress(ConnectionClosed, ConnectionError):
                async for text in self._connection:
                    await self._take(json.loads(text), len(text.encode() if isinstance(text, str) else text))
        except Exception as error:  # noqa: BLE001  (`check` raises it)
            self.broken = error
            self._connection.transport.abort()
        for reading in self.readings.values():
            reading.lost = self._end
        for reply in [*self._replies.values(), self.hello]:
            if not reply.done():
                reply.set_exception(self.broken or ConnectionError(f"closed with {self.close_code}"))
                reply.exception()

    @property
    def _end(self) -> str:
        """Why no more events will come, for the error message."""
        said = f"after {self.bye}" if self.bye else "without a bye"
        broken = f", because of {self.broken!r}" if self.broken else ""
        return f"its socket has ended with {self.close_code} {said}{broken}"

    async def _take(self, frame: dict[str, Any], size: int) -> None:
        kind = frame["type"]
        self.heard_at = time.monotonic()
        if self.bye is not None:
            raise Violation(f"{kind} comes after bye")
        if not self.hello.done() and kind not in {"hello", "bye"}:
            raise Violation(f"{kind} comes before hello")
        match kind:
            case "events":
                await self._apply(frame, size)
            case "ok" | "error":
                reply = self._replies.pop(frame["ref"], None)
                if reply is not None:
                    reply.set_result(frame)
                else:
                    self.unsolicited.put_nowait(frame)
            case "hello":
                self.hello.set_result(frame)
            case "notice":
                self.notices.append(frame)
            case "ping":
                self.pings.append(frame)
            case "bye":
                self.bye = frame
            case _:
                raise Violation(f"{kind} is no frame of the protocol")

    async def _apply(self, frame: dict[str, Any], size: int) -> None:
        self.frames += 1
        self.bytes += size
        if frame["frame"] != self.frames:
            raise Violation(f"frame {frame['frame']} is the {self.frames}th")
        reading = self.reading(frame["run_id"])
        for event in frame["events"]:
            reading.apply(event["id"], event["event"], event["data"])
        if self.acks:
            # The server may already have closed the connection; the frames it sent before are still read.
            with suppress(ConnectionClosed):
                await self.put({"type": "ack", "frame": self.frames})


@asynccontextmanager
async def socket(
    site: Site,
    member: Member,
    *,
    readings: dict[str, Reading] | None = None,
    port: int | None = None,
    acks: bool = True,
    cookie: bool = False,
) -> AsyncIterator[Socket]:
    """A signed-in socket that has received `hello`. `port`: of a proxy. `cookie`: sign in like a browser."""
    opened = await open_socket(site, member, readings=readings, port=port, acks=acks, cookie=cookie)
    try:
        async with asyncio.timeout(PATIENCE):
            await opened.hello
        yield opened
    finally:
        if opened.is_open:
            await opened.close()
    opened.check()


async def open_socket(
    site: Site,
    member: Member,
    *,
    readings: dict[str, Reading] | None = None,
    port: int | None = None,
    acks: bool = True,
    cookie: bool = False,
) -> Socket:
    connection = await connect(
        f"ws://127.0.0.1:{port or site.port}/ws/chat",
        additional_headers={**member.cookie, "Origin": site.url} if cookie else member.bearer,
        subprotocols=["chat.v1"],  # type: ignore[list-item]
        compression=None,
        ping_interval=None,
        proxy=None,
        max_size=None,
        close_timeout=2,
        open_timeout=PATIENCE,
    )
    return Socket(connection, readings if readings is not None else {}, acks=acks)


class Browser:
    """The HTTP side of a member's client."""

    def __init__(self, site: Site, member: Member, session: aiohttp.ClientSession, *, url: str = "") -> None:
        """`url`: of one of the servers, to bypass nginx."""
        self.site = site
        self.member = member
        self.url = url or site.url
        # The credentials.
        self.headers = member.bearer
        self._session = session

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of the response (or its text)."""
        headers = {**self.headers, **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        async with self._session.request(method, f"{self.url}{path}", headers=headers, **options) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(text) if is_json else text

    async def start(self, text: str, **fields: Any) -> tuple[int, Any]:
        return await self.call("POST", "/api/runs", {"text": text, **fields})

    async def stop(self, run_id: str) -> int:
        status, _ = await self.call("POST", f"/api/runs/{run_id}/stop")
        return status

    async def follow(
        self, reading: Reading, *, until: int | None = None, port: int | None = None, **options: Any
    ) -> int:
        """Follow a run by SSE from its cursor to its end, or `until` this many characters. Return the status."""
        headers = {**self.headers, **({"Last-Event-ID": reading.cursor} if reading.cursor else {})}
        url = f"http://127.0.0.1:{port}" if port else self.url
        url += f"/api/runs/{reading.run_id}/events"
        async with self._session.get(url, headers=headers, **options) as response:
            if response.status == 200:
                await self._read(response, reading, until)
            return response.status

    async def stream(self, text: str, **fields: Any) -> Reading:
        """POST /api/runs/stream and read to the end, like `curl -N`."""
        url = f"{self.url}/api/runs/stream"
        async with self._session.post(url, json={"text": text, **fields}, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            reading = Reading("")
            await self._read(response, reading, None)
            return reading

    async def _read(self, response: aiohttp.ClientResponse, reading: Reading, until: int | None) -> None:
        decoder = Decoder()
        async for chunk in response.content.iter_any():
            for message in decoder.feed(chunk):
                if message.event == "ping":
                    continue
                data = json.loads(message.data)
                if not reading.run_id:
                    reading.run_id = data["run_id"]
                reading.apply(message.id or "", message.event, data)
            if until is not None and reading.size >= until:
                return


def numbered(prompt: str, count: int) -> str:
    """The answer of the fake's script `numbered`."""
    return _numbers(hash_of(prompt), count)


def varied(prompt: str, count: int, *, attempt: int) -> str:
    """The answer of the script `varied` to the n-th request."""
    return _numbers(hash_of(f"{prompt}\0{attempt}"), count)


def _numbers(prefix: str, count: int) -> str:
    return "".join(f"{prefix}:{number:06} " for number in range(1, count + 1))
