"""The WebSocket `/ws/chat`: one socket per tab, for all of a person's conversations (docs/protocol.md).

A handler never streams and never waits for the reader: requests run as tasks, and everything that is sent goes
through one writer, so that a stop or an acknowledgement is heard while answers stream at full speed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from chat import database, metrics
from chat.auth.credentials import credential_of_scope, user_of_scope
from chat.auth.origins import may_connect, tell_of_the_origin
from chat.auth.sign_in_watch import signed_out
from chat.generation.draining import retry_ms
from chat.generation.engine import Engine, describe, engine
from chat.light_event import Flag
from chat.models import User
from chat.notices import channel
from chat.protocol import close_codes
from chat.protocol.errors import Refusal
from chat.protocol.response_headers import NO_PAGE
from chat.protocol.untrusted_input import BadJson, loads
from chat.quotas.connections import RETRY_SECONDS, Full, Place
from chat.quotas.frames import FIRST_PAUSE_SECONDS
from chat.quotas.handshakes import TooMany, address_of
from chat.quotas.quotas import Quotas, quotas
from chat.rate_limit import SlidingWindow
from chat.socket.followers import Followers
from chat.socket.requests import SignedOut, SocketRequests, is_ref
from chat.socket.window import BYTES, UnknownFrame, Window
from chat.socket.writer import SocketWriter
from chat.streams.base import Unavailable
from chatsite import request_ids

logger = logging.getLogger(__name__)

ADDRESS: Final = "/ws/chat"
SUBPROTOCOL: Final = "chat.v1"
PROTOCOL: Final = 1
# More requests than this under way at once and the next is refused: no client can pile them up here.
REQUESTS: Final = 32
RETRY_MS: Final = 1000
# The server drops a handshake after five seconds, and the client would not know why.
HANDSHAKE_SECONDS: Final = 3.0
# For whom being told when to come back is not enough. Below HANDSHAKE_SECONDS, so that it is told all the same.
DEAF_SECONDS: Final = 2.5
# Of a user, in a process: every tab may be opened, and opened again, within a minute.
HANDSHAKES_PER_SOCKET: Final = 2

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    # Without a channel layer of its own, which would cost a thread hop a message: notices come by chat.notices.

    _engine: Engine
    _requests: SocketRequests
    _followers: Followers
    _quotas: Quotas
    _place: Place | None = None
    _user_id = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Channels' own makes a task for each message, to wait for the server and for a channel layer at once."""
        self.scope = scope
        self.base_send = send
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        try:
            with suppress(StopConsumer):
                while True:
                    await self.dispatch(await receive())
        finally:
            # Also where a server ends what does not end by itself: nothing of it stays behind.
            for task in self._tasks:
                task.cancel()
            if self._place is not None:
                self._place.leave()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """Channels' own first closes old database connections, in the one shared thread; none are opened here."""
        match message["type"]:
            case "websocket.receive":
                await self.websocket_receive(message)
            case "websocket.connect":
                await self.websocket_connect(message)
            case "websocket.disconnect":
                await self.websocket_disconnect(message)

    async def websocket_connect(self, message: Mapping[str, Any]) -> None:
        if not may_connect(self.scope):
            self._closed = True
            tell_of_the_origin(self.scope)
            await self.base_send({"type": "websocket.close"})
            raise StopConsumer
        self._window = Window()
        self._writer = SocketWriter(self.base_send)
        self._frames = SlidingWindow(1.0)
        self._quotas = quotas()
        try:
            user = await self._who()
        except _Farewell as farewell:
            await self._accept()
            self._bye(farewell.code, farewell.seconds)
            return
        offered = await self._accept()
        if offered and SUBPROTOCOL not in offered:
            self._bye(close_codes.PROTOCOL)
        elif await self._takes_a_place(user):
            await self._begin(user)

    async def _accept(self) -> list[str]:
        """Also before a refusal: a browser does not tell its page why a handshake failed."""
        offered = list(self.scope.get("subprotocols") or [])
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        return offered

    async def _who(self) -> User:
        """Raises _Farewell."""
        address = address_of(self.scope)
        try:
            handshake = self._quotas.handshakes.begin(
                address,
                credential_of_scope(self.scope),
                per_minute=HANDSHAKES_PER_SOCKET * settings.CHAT_SOCKETS_PER_USER,
            )
            user = await self._find_user()
            if user is None:
                handshake.failed()
                raise _Farewell(close_codes.NOT_SIGNED_IN)
            handshake.succeeded(user.pk)
        except _Undecided:
            handshake.undecided()
            raise _Farewell(close_codes.DRAINING) from None
        except TooMany as error:
            if error.is_deaf:
                # It would only try again at once, and a handshake costs more than a connection that waits.
                await asyncio.sleep(DEAF_SECONDS)
            raise _Farewell(close_codes.FLOOD, max(error.seconds, FIRST_PAUSE_SECONDS)) from None
        return user

    async def _find_user(self) -> User | None:
        """Raises _Undecided."""
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                user = await database.find(user_of_scope, self.scope)
                self._engine = await engine()
        except (DatabaseError, TimeoutError) as error:
            logger.warning("A handshake could not be checked: %r", error)
            raise _Undecided from error
        return user

    async def _takes_a_place(self, user: User) -> bool:
        """Among those that the user may have open, or it is told to come back."""
        limit = settings.CHAT_SOCKETS_PER_USER
        try:
            self._place = await self._quotas.connections.open("sockets", user.pk, limit=limit)
        except Full:
            self._quotas.handshakes.had_no_room(user.pk, RETRY_SECONDS)
            self._bye(close_codes.FLOOD, RETRY_SECONDS)
            return False
        return True

    async def _begin(self, user: User) -> None:
        self._user_id = user.pk
        self._followers = Followers(
            self._engine,
            self._window,
            self._writer.write,
            self._lost,
            user_id=user.pk,
            tally=self._quotas.followed,
        )
        self._requests = SocketRequests(
            self._engine,
            user.pk,
            followers=self._followers,
            writer=self._writer,
            quotas=self._quotas,
            find_user=self._same_user,
        )
        metrics.READERS.labels("websocket").inc()
        listening, greeted = Flag(), Flag()
        self._spawn(self._forward_notices(listening, greeted))
        # First, so that of a run that begins just now either `hello` tells or a notice.
        await listening.wait()
        try:
            live = [run for run in await self._engine.log.runs_of(user.pk) if run.is_live]
        except Unavailable:
            logger.warning("A socket is asked to come back: Redis does not answer.")
            self._bye(close_codes.DRAINING)
            return
        self._writer.put(
            {
                "type": "hello",
                "protocol": PROTOCOL,
                "user": {"id": user.pk, "username": user.get_username()},
                "window": BYTES,
                "heartbeat": settings.CHAT_HEARTBEAT_SECONDS,
                "runs": [describe(run) for run in live],
            }
        )
        greeted.set()
        for watch in (self._write, self._beat, self._watch_acknowledgements, self._watch_sign_in, self._watch_close):
            self._spawn(watch())

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """Detach. The runs go on: closing a tab is not stopping."""
        # The requests first: one that is under way could begin to follow what nobody would then end.
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._user_id:
            metrics.READERS.labels("websocket").dec()
            followed = self._followers.run_ids
            await self._followers.close()
            for run_id in followed:
                metrics.DISCONNECTS.labels("websocket", *await self._engine.labels.of(run_id)).inc()
        raise StopConsumer

    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        if self._closed or not self._user_id:
            return
        if self._frames.take(self._user_id, limit=settings.CHAT_FRAMES_PER_SECOND):
            self._flood()
            return
        text = message.get("text")
        if text is not None and _is_too_big(text):
            self._bye(close_codes.FRAME_TOO_BIG)
            return
        frame = _parse(text)
        if not isinstance(frame, Refusal) and frame.get("type") == "ack" and self._moves_the_window(frame):
            # We asked for it by sending a frame: a reader as fast as we are is no flood.
            self._frames.give_back(self._user_id)
        elif self._quotas.frames.take(self._user_id, limit=settings.CHAT_FRAMES_PER_SECOND_PER_USER):
            self._flood()
        elif isinstance(frame, Refusal):
            self._requests.refuse(None, frame)
        else:
            self._take(frame)

    def _flood(self) -> None:
        """Of this socket, or of all the sockets that this user has here: this one sent the frame that is too much."""
        self._bye(close_codes.FLOOD, self._quotas.floods.happened(self._user_id))

    def _take(self, frame: dict[str, Any]) -> None:
        ref = frame.get("ref")
        if frame.get("type") == "ack":
            self._check_acknowledged(frame)
        elif len(self._tasks) >= REQUESTS:
            busy = Refusal("busy", "Too many requests at once on this socket.")
            self._requests.refuse(ref if is_ref(ref) else None, busy)
        elif request := self._requests.find(frame):
            self._spawn(self._run(request))

    async def _run(self, request: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await request()
        except SignedOut:
            self._bye(close_codes.NOT_SIGNED_IN)

    def _moves_the_window(self, frame: dict[str, Any]) -> bool:
        number = frame.get("frame")
        try:
            return type(number) is int and self._window.acknowledge(number)
        except UnknownFrame:
            return False

    def _check_acknowledged(self, frame: dict[str, Any]) -> None:
        """What moves nothing is late, or wrong."""
        number, ref = frame.get("frame"), frame.get("ref")
        try:
            if type(number) is not int:
                raise UnknownFrame(number)
            self._window.acknowledge(number)
        except UnknownFrame:
            refusal = Refusal("bad_request", "frame must be the number of a frame that was sent.")
            self._requests.refuse(ref if is_ref(ref) else None, refusal)

    def _lost(self, run_id: str, refusal: Refusal) -> None:
        self._requests.refuse(None, refusal, run_id=run_id)

    async def _write(self) -> None:
        """The writer's task. It ends when the socket takes no more, or the reader asks for more than it reads."""
        await self._writer.run()
        self._bye(close_codes.STALLED)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(settings.CHAT_HEARTBEAT_SECONDS)
            ping: dict[str, object] = {"type": "ping", "tips": self._followers.tips()}
            if stalled := await self._followers.stalled():
                ping["stalled"] = stalled
            self._writer.put(ping)

    async def _watch_acknowledgements(self) -> None:
        while True:
            remaining = settings.CHAT_STALLED_SECONDS - self._window.waited
            if remaining <= 0:
                break
            await asyncio.sleep(remaining)
        metrics.STALLED.inc()
        self._bye(close_codes.STALLED)

    async def _watch_sign_in(self) -> None:
        await signed_out(self.scope, self._user_id)
        self._bye(close_codes.NOT_SIGNED_IN)

    async def _watch_close(self) -> None:
        """The server is being shut down."""
        await self._engine.draining.departure(lambda: not self._followers.count and self._writer.is_idle)
        self._bye(close_codes.DRAINING)

    def _same_user(self) -> User | None:
        user = user_of_scope(self.scope)
        return user if user is not None and user.pk == self._user_id else None

    async def _forward_notices(self, listening: Flag, greeted: Flag) -> None:
        async with channel.listen(self._user_id) as received:
            listening.set()
            await greeted.wait()
            async for notice in received:
                self._writer.put(notice)

    def _bye(self, code: int, seconds: float | None = None) -> None:
        """Say why, then close. Past the writer: it may be waiting for a reader that does not read.

        Beside what else happens: frames that still come are heard, and dropped, and do not pile up before us.
        """
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if seconds is None:
            wait = retry_ms() if code == close_codes.DRAINING else RETRY_MS
        else:
            # Never all at once.
            wait = round(1000 * seconds * random.uniform(1, 1.5))  # noqa: S311
        self._spawn(self._writer.last({"type": "bye", "code": code, "retry_ms": wait}, code))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("A task of a socket failed.", exc_info=error)


def _is_too_big(text: str) -> bool:
    return len(text) > settings.CHAT_FRAME_BYTES or len(text.encode()) > settings.CHAT_FRAME_BYTES


def _parse(text: str | None) -> dict[str, Any] | Refusal:
    if text is None:
        return Refusal("bad_request", "Frames are JSON text, not binary.")
    try:
        return loads(text)
    except BadJson as error:
        return Refusal("bad_json", str(error))


class _Farewell(Exception):
    """A handshake that ends with a close code, and when to come back."""

    def __init__(self, code: int, seconds: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.seconds = seconds


class _Undecided(Exception):
    """The database does not say who it is."""


async def connect_socket(scope: Any, receive: Any, send: Any) -> None:
    """The application for WebSockets: at any other address than the chat's there is none.

    Channels' URLRouter would keep a copy of the scope, and two coroutines, for as long as a socket is open.
    """
    address = scope["path"].removeprefix(scope.get("root_path", ""))
    await (ChatConsumer() if address == ADDRESS else _refuse)(scope, receive, send)


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    """With 404. Where the server cannot say so (plain Daphne), it is 403."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    headers = {"Content-Length": "0", "Cache-Control": "no-store", request_ids.HEADER: request_ids.made(), **NO_PAGE}
    head = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "websocket.http.response.start", "status": 404, "headers": head})
    await send({"type": "websocket.http.response.body", "body": b""})
