"""The WebSocket `/ws/chat`: one socket per tab, for all of a person's conversations (docs/protocol.md).

A handler never streams and never waits for the reader: requests run as tasks, and everything that is sent goes
through one writer, so that a stop or an acknowledgement is heard while answers stream at full speed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseError

from chat import close_codes, database, metrics, notices
from chat.auth import user_of_scope
from chat.events import BadCursor, Cursor
from chat.followers import Followers
from chat.generation.engine import Engine, describe, engine
from chat.generation.requests import SendRequest, run_id_of
from chat.limits import SlidingWindow
from chat.origins import may_connect
from chat.refusals import Refusal
from chat.socket_writer import SocketWriter
from chat.window import BYTES, UnknownFrame, Window
from chat.wire import BadJson, loads

logger = logging.getLogger(__name__)

SUBPROTOCOL: Final = "chat.v1"
PROTOCOL: Final = 1
# More requests than this under way at once and the next is refused: no client can pile them up here.
REQUESTS: Final = 32
SIGNED_IN_EVERY_SECONDS: Final = 15.0
RETRY_MS: Final = 1000
REF_CHARACTERS: Final = 200

Ref = str | int | None


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    # Notices come by chat.notices; a channel layer of the consumer's own would cost a thread hop a message.
    channel_layer_alias = ""

    _engine: Engine
    _user_id = 0

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels' own first closes old database connections, in the one shared thread; none are opened here."""
        handlers: dict[str, Callable[[Any], Awaitable[None]]] = {
            "websocket.connect": self.websocket_connect,
            "websocket.receive": self.websocket_receive,
            "websocket.disconnect": self.websocket_disconnect,
        }
        await handlers[message["type"]](message)

    async def websocket_connect(self, message: Mapping[str, Any]) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        if not may_connect(self.scope):
            self._closed = True
            await self.base_send({"type": "websocket.close"})
            raise StopConsumer
        try:
            user = await database.read(user_of_scope, self.scope)
        except DatabaseError:
            logger.exception("A handshake could not be checked.")
            self._closed = True
            await self.accept()
            await self.close(close_codes.DRAINING)
            return
        offered = self.scope.get("subprotocols") or []
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        self._window = Window()
        self._writer = SocketWriter(self.base_send)
        self._frames = SlidingWindow(settings.CHAT_FRAMES_PER_SECOND, 1.0)
        if user is None:
            await self._bye(close_codes.NOT_SIGNED_IN)
        elif offered and SUBPROTOCOL not in offered:
            await self._bye(close_codes.PROTOCOL)
        else:
            await self._begin(user.pk, user.get_username())

    async def _begin(self, user_id: int, username: str) -> None:
        self._user_id = user_id
        self._engine = await engine()
        self._followers = Followers(self._engine, self._window, self._writer.put)
        metrics.READERS.labels("websocket").inc()
        self._spawn(self._write())
        self._spawn(self._beat())
        self._spawn(self._watch_acknowledgements())
        self._spawn(self._watch_sign_in())
        ready = asyncio.Event()
        self._spawn(self._forward_notices(ready))
        await ready.wait()
        live = [run for run in await self._engine.log.runs_of(user_id) if run.is_live]
        self._writer.put(
            {
                "type": "hello",
                "protocol": PROTOCOL,
                "user": {"id": user_id, "username": username},
                "window": BYTES,
                "heartbeat": settings.CHAT_HEARTBEAT_SECONDS,
                "runs": [describe(run) for run in live],
            }
        )

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """Detach. The runs go on: closing a tab is not stopping."""
        if self._user_id:
            metrics.READERS.labels("websocket").dec()
            if self._followers.count:
                metrics.DISCONNECTS.labels("websocket").inc()
            await self._followers.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        raise StopConsumer

    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        if self._closed or not self._user_id:
            return
        if self._frames.take(self._user_id):
            await self._bye(close_codes.FLOOD)
            return
        text = message.get("text")
        if text is None:
            self._refuse(None, Refusal("bad_request", "Frames are JSON text, not binary."))
            return
        if len(text) > settings.CHAT_FRAME_BYTES or len(text.encode()) > settings.CHAT_FRAME_BYTES:
            await self._bye(close_codes.FRAME_TOO_BIG)
            return
        try:
            frame = loads(text)
        except BadJson as error:
            self._refuse(None, Refusal("bad_json", str(error)))
            return
        self._handle(frame)

    def _handle(self, frame: dict[str, Any]) -> None:
        ref = frame.get("ref")
        if not _is_ref(ref):
            self._refuse(None, Refusal("bad_request", "ref must be a short string or a number."))
            return
        kind = frame.get("type")
        if kind == "ack":
            self._acknowledge(ref, frame.get("frame"))
            return
        requests: dict[object, Callable[[Ref, dict[str, Any]], Coroutine[Any, Any, None]]] = {
            "send": self._send_message,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "stop": self._stop,
        }
        request = requests.get(kind) if isinstance(kind, str) else None
        if request is None:
            self._refuse(ref, Refusal("unknown_type", "type is one of: send, subscribe, unsubscribe, stop, ack."))
        elif len(self._tasks) >= REQUESTS:
            self._refuse(ref, Refusal("busy", "Too many requests at once on this socket."))
        else:
            self._spawn(self._answer(ref, request(ref, frame)))

    def _acknowledge(self, ref: Ref, frame: object) -> None:
        try:
            if type(frame) is not int:
                raise UnknownFrame(frame)
            if self._window.acknowledge(frame):
                # We asked for it by sending a frame: a reader as fast as we are is no flood.
                self._frames.give_back(self._user_id)
        except UnknownFrame:
            self._refuse(ref, Refusal("bad_request", "frame must be the number of a frame that was sent."))

    async def _answer(self, ref: Ref, request: Coroutine[Any, Any, None]) -> None:
        """A refusal is a reply; whatever else goes wrong is one too. The socket stays open."""
        try:
            await request
        except Refusal as refusal:
            self._refuse(ref, refusal)
        except DatabaseError:
            logger.exception("A request failed.")
            self._refuse(ref, Refusal("unavailable", "The database cannot be reached. Try again."))
        except Exception:
            logger.exception("A request failed.")
            self._refuse(ref, Refusal("unavailable", "Something went wrong on the server. Try again."))

    async def _send_message(self, ref: Ref, frame: dict[str, Any]) -> None:
        request = SendRequest.parse(frame, characters=settings.CHAT_MESSAGE_CHARACTERS)
        if not await self._is_signed_in():
            await self._bye(close_codes.NOT_SIGNED_IN)
            return
        sent = await self._engine.send(self._user_id, request)
        self._ok(ref, run_id=sent.run_id, conversation_id=sent.conversation_id, duplicate=sent.duplicate)
        run = await self._engine.find(self._user_id, sent.run_id)
        # A repeated send, perhaps overtaken by its twin, does not begin the answer again under the reader's eyes.
        if not self._followers.follows(sent.run_id):
            await self._followers.start(sent.run_id, run, None)

    async def _subscribe(self, ref: Ref, frame: dict[str, Any]) -> None:
        run_id = run_id_of(frame.get("run_id"))
        after = _cursor(frame.get("after"))
        self._followers.expect(run_id)
        run = await self._engine.find(self._user_id, run_id)
        self._ok(ref, run_id=run_id)
        if self._followers.is_expected(run_id):
            await self._followers.start(run_id, run, after)

    async def _unsubscribe(self, ref: Ref, frame: dict[str, Any]) -> None:
        run_id = run_id_of(frame.get("run_id"))
        await self._followers.stop(run_id)
        self._ok(ref, run_id=run_id)

    async def _stop(self, ref: Ref, frame: dict[str, Any]) -> None:
        run_id = run_id_of(frame.get("run_id"))
        await self._engine.stop(self._user_id, run_id)
        self._ok(ref, run_id=run_id)

    def _ok(self, ref: Ref, **fields: object) -> None:
        self._writer.put({"type": "ok", "ref": ref, **fields})

    def _refuse(self, ref: Ref, refusal: Refusal) -> None:
        reply: dict[str, object] = {
            "type": "error",
            "ref": ref,
            "code": refusal.code,
            "message": refusal.message,
            "retryable": refusal.retryable,
        }
        if refusal.retry_after is not None:
            reply["retry_after"] = round(refusal.retry_after, 1)
        self._writer.put(reply)

    async def _write(self) -> None:
        """The writer's task. It ends when the socket takes no more, or the reader asks for more than it reads."""
        await self._writer.run()
        await self._bye(close_codes.STALLED)

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
            await asyncio.sleep(min(remaining, 1.0))
        metrics.STALLED.inc()
        await self._bye(close_codes.STALLED)

    async def _watch_sign_in(self) -> None:
        """A session that has ended, a revoked token, a disabled account: the socket ends too."""
        while True:
            await asyncio.sleep(SIGNED_IN_EVERY_SECONDS)
            try:
                if not await self._is_signed_in():
                    await self._bye(close_codes.NOT_SIGNED_IN)
                    return
            except DatabaseError:
                logger.warning("A sign-in could not be checked again; trying later.")

    async def _is_signed_in(self) -> bool:
        user = await database.read(user_of_scope, self.scope)
        return user is not None and user.pk == self._user_id

    async def _forward_notices(self, ready: asyncio.Event) -> None:
        async with notices.listen(self._user_id) as received:
            ready.set()
            async for notice in received:
                self._writer.put(notice)

    async def _bye(self, code: int) -> None:
        """Say why, then close. Past the writer: it may be waiting for a reader that does not read."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await self._writer.last({"type": "bye", "code": code, "retry_ms": RETRY_MS}, code)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_ref(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= REF_CHARACTERS
    return value is None or (type(value) is int and abs(value) < 2**53)


def _cursor(value: object) -> Cursor | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal("bad_cursor", "after must be a cursor.")
    try:
        return Cursor.parse(value)
    except BadCursor as error:
        raise Refusal("bad_cursor", str(error)) from error
