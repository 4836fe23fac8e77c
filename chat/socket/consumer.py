"""The WebSocket `/ws/chat`: one socket per tab carries all of a user's conversations (docs/protocol.md).

Handlers never stream and never wait for the client: requests run as tasks, and one writer sends everything. Stops and
acknowledgements are therefore handled while answers stream at full speed.
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
from chat.generation.bootstrap import engine
from chat.generation.draining import retry_ms
from chat.generation.engine import Engine
from chat.light_event import LightEvent
from chat.models import User
from chat.notices import channel
from chat.protocol import close_codes
from chat.protocol.errors import ApiError
from chat.protocol.response_headers import NO_PAGE
from chat.protocol.untrusted_input import BadJson, loads
from chat.quotas.connections import RETRY_SECONDS, Full, Slot
from chat.quotas.frames import FIRST_PAUSE_SECONDS
from chat.quotas.handshakes import TooMany, address_of
from chat.quotas.quotas import Quotas, quotas
from chat.rate_limit import SlidingWindow
from chat.socket.followers import Followers
from chat.socket.requests import SignedOut, SocketRequests, is_ref
from chat.socket.window import BYTES, UnknownFrame, Window
from chat.socket.writer import SocketWriter
from chat.streams.base import LogUnavailable
from chatsite import request_ids

logger = logging.getLogger(__name__)

ADDRESS: Final = "/ws/chat"
SUBPROTOCOL: Final = "chat.v1"
PROTOCOL: Final = 1
# Concurrent requests per socket. The next one is refused, so that a client cannot pile them up.
REQUESTS: Final = 32
RETRY_MS: Final = 1000
# Below the server's handshake timeout of five seconds, after which the client would not learn the reason.
HANDSHAKE_SECONDS: Final = 3.0
# Delay for a client that ignores the retry time. Below HANDSHAKE_SECONDS, so that it still gets a close code.
DEAF_SECONDS: Final = 2.5
# Per minute, user and process: every tab may open and reopen its socket within a minute.
HANDSHAKES_PER_SOCKET: Final = 2

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """The WebSocket of one client: `connect`, `receive` and `disconnect` as in any consumer of Channels.

    Below them, `__call__` and `dispatch` leave out two things of AsyncWebsocketConsumer that every socket and frame
    would pay for: a task per message, which waits for the server and for a channel layer at once, and a hop to the
    shared thread that closes old database connections. There is no channel layer here (notices come through
    chat.notices), and no connection is opened.
    """

    _engine: Engine
    _requests: SocketRequests
    _followers: Followers
    _quotas: Quotas
    _place: Slot | None = None
    _user_id = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Calls the hooks until the socket is closed, then leaves nothing behind."""
        self.scope = scope
        self.base_send = send
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        try:
            with suppress(StopConsumer):
                while True:
                    await self.dispatch(await receive())
        finally:
            # Also when the server cancels the application.
            for task in self._tasks:
                task.cancel()
            if self._place is not None:
                self._place.leave()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "websocket.receive":
                await self.receive(message.get("text"), message.get("bytes"))
            case "websocket.connect":
                await self.connect()
            case "websocket.disconnect":
                await self.disconnect(message.get("code", close_codes.NORMAL))

    async def connect(self) -> None:
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
        """Accept even before a refusal: a browser does not tell its page why a handshake failed."""
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
                # It would retry immediately, and a handshake costs more than a waiting connection.
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
            logger.warning("socket: handshake not checked: %r", error)
            raise _Undecided from error
        return user

    async def _takes_a_place(self, user: User) -> bool:
        """Whether the user may open another socket. If not, close this one with a retry time."""
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
        listening, greeted = LightEvent(), LightEvent()
        self._spawn(self._forward_notices(listening, greeted))
        # Listen first, so that either `hello` or a notice reports a run that starts now.
        await listening.wait()
        try:
            live = [run for run in await self._engine.log.runs_of(user.pk) if run.is_live]
        except LogUnavailable:
            logger.warning("socket: closing, Redis is not answering")
            self._bye(close_codes.DRAINING)
            return
        self._writer.put(
            {
                "type": "hello",
                "protocol": PROTOCOL,
                "user": {"id": user.pk, "username": user.get_username()},
                "window": BYTES,
                "heartbeat": settings.CHAT_HEARTBEAT_SECONDS,
                "runs": [run.summary for run in live],
            }
        )
        greeted.set()
        for watch in (self._write, self._beat, self._watch_acknowledgements, self._watch_sign_in, self._watch_close):
            self._spawn(watch())

    async def disconnect(self, code: int) -> None:
        """Detach. The runs continue: closing a tab does not stop an answer."""
        # Cancel requests first: one in progress could start a follower that nobody would then cancel.
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

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._closed or not self._user_id:
            return
        if self._frames.take(self._user_id, limit=settings.CHAT_FRAMES_PER_SECOND):
            self._flood()
            return
        if text_data is not None and _is_too_big(text_data):
            self._bye(close_codes.FRAME_TOO_BIG)
            return
        frame = _parse(text_data)
        if not isinstance(frame, ApiError) and frame.get("type") == "ack" and self._moves_the_window(frame):
            # It acknowledges a frame of ours: a client that keeps up with us is not flooding.
            self._frames.give_back(self._user_id)
        elif self._quotas.frames.take(self._user_id, limit=settings.CHAT_FRAMES_PER_SECOND_PER_USER):
            self._flood()
        elif isinstance(frame, ApiError):
            self._requests.refuse(None, frame)
        else:
            self._take(frame)

    def _flood(self) -> None:
        """Close this socket: its frame exceeded the limit of the socket, or of all the user's sockets here."""
        self._bye(close_codes.FLOOD, self._quotas.floods.happened(self._user_id))

    def _take(self, frame: dict[str, Any]) -> None:
        ref = frame.get("ref")
        if frame.get("type") == "ack":
            self._check_acknowledged(frame)
        elif len(self._tasks) >= REQUESTS:
            busy = ApiError("busy", "Too many requests at once on this socket.")
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
        """An acknowledgement that moves nothing is late or invalid."""
        number, ref = frame.get("frame"), frame.get("ref")
        try:
            if type(number) is not int:
                raise UnknownFrame(number)
            self._window.acknowledge(number)
        except UnknownFrame:
            error = ApiError("bad_request", "frame must be the number of a frame that was sent.")
            self._requests.refuse(ref if is_ref(ref) else None, error)

    def _lost(self, run_id: str, error: ApiError) -> None:
        self._requests.refuse(None, error, run_id=run_id)

    async def _write(self) -> None:
        """The writer task. It ends when the socket is gone or the client is too far behind."""
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
        """Close the socket when the server shuts down."""
        await self._engine.draining.departure(lambda: not self._followers.count and self._writer.is_idle)
        self._bye(close_codes.DRAINING)

    def _same_user(self) -> User | None:
        user = user_of_scope(self.scope)
        return user if user is not None and user.pk == self._user_id else None

    async def _forward_notices(self, listening: LightEvent, greeted: LightEvent) -> None:
        async with channel.listen(self._user_id) as received:
            listening.set()
            await greeted.wait()
            async for notice in received:
                self._writer.put(notice)

    def _bye(self, code: int, seconds: float | None = None) -> None:
        """Send the reason, then close. This bypasses the writer, which may be waiting for a stalled client.

        It runs as a task: frames that still arrive are received and dropped, so they do not pile up.
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
            # Jitter, so that clients do not all come back at once.
            wait = round(1000 * seconds * random.uniform(1, 1.5))  # noqa: S311
        self._spawn(self._writer.last({"type": "bye", "code": code, "retry_ms": wait}, code))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("socket: task failed", exc_info=error)


def _is_too_big(text: str) -> bool:
    return len(text) > settings.CHAT_FRAME_BYTES or len(text.encode()) > settings.CHAT_FRAME_BYTES


def _parse(text: str | None) -> dict[str, Any] | ApiError:
    if text is None:
        return ApiError("bad_request", "Frames are JSON text, not binary.")
    try:
        return loads(text)
    except BadJson as error:
        return ApiError("bad_json", str(error))


class _Farewell(Exception):
    """Ends a handshake with a close code and, if given, the seconds to wait before the next one."""

    def __init__(self, code: int, seconds: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.seconds = seconds


class _Undecided(Exception):
    """The credentials could not be checked."""


async def connect_socket(scope: Any, receive: Any, send: Any) -> None:
    """The application for WebSockets. Any path other than the chat's gets 404, or 403 under plain Daphne.

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
