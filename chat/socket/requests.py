"""A client's requests over its WebSocket, and the replies. A request runs as a task and never streams itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import Error as DatabaseError

from chat import database
from chat.generation.engine import Engine, Sent
from chat.generation.replies import answers_of, decisions_of
from chat.generation.requests import SendRequest, run_id_of
from chat.models import User
from chat.protocol.cursors import BadCursor, Cursor
from chat.protocol.errors import ApiError, error_fields
from chat.quotas.quotas import Quotas
from chat.socket.followers import Followers
from chat.socket.writer import SocketWriter
from chat.streams.base import LogUnavailable

logger = logging.getLogger(__name__)

REF_CHARACTERS: Final = 200
LARGEST_REF: Final = 2**53

Ref = str | int | None
Request = Callable[[Ref, dict[str, Any]], Coroutine[Any, Any, None]]


class SignedOut(Exception):
    """The user was signed in when the socket opened, and no longer is."""


class SocketRequests:
    """One user's requests on one socket. Every failure becomes an error reply; the socket stays open.

    `find_user` looks up who is signed in on this socket; it returns None if that is no longer the user.
    """

    def __init__(
        self,
        engine: Engine,
        user_id: int,
        *,
        followers: Followers,
        writer: SocketWriter,
        quotas: Quotas,
        find_user: Callable[[], User | None],
    ) -> None:
        self._engine = engine
        self._user_id = user_id
        self._followers = followers
        self._writer = writer
        self._quotas = quotas
        self._find_user = find_user
        self._kinds: dict[str, Request] = {
            "send": self._send,
            "approve": self._approve,
            "answer": self._reply,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "stop": self._stop,
        }

    def find(self, frame: dict[str, Any]) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """The request in a frame, to be called and awaited; it raises SignedOut.

        None if the frame is invalid; the error reply is already on its way.
        """
        ref, kind = frame.get("ref"), frame.get("type")
        if not is_ref(ref):
            self.refuse(None, ApiError("bad_request", "ref must be a short string or a number."))
            return None
        request = self._kinds.get(kind) if isinstance(kind, str) else None
        if request is None:
            self.refuse(ref, ApiError("unknown_type", f"type is one of: {', '.join(self._kinds)}, ack."))
            return None
        return partial(self._answer, ref, request, frame)

    def refuse(self, ref: Ref, error: ApiError, **fields: object) -> None:
        reply: dict[str, object] = {
            "type": "error",
            "ref": ref,
            **error_fields(error.code, error.message),
            **error.about,
            **fields,
        }
        if error.retry_after is not None:
            reply["retry_after"] = round(error.retry_after, 1)
        self._writer.put(reply)

    async def _answer(self, ref: Ref, request: Request, frame: dict[str, Any]) -> None:
        try:
            # A stop never waits behind the user's other requests.
            if request == self._stop:
                await request(ref, frame)
            else:
                async with self._quotas.requests.turn(self._user_id):
                    await request(ref, frame)
        except ApiError as error:
            self.refuse(ref, error)
        except DatabaseError:
            logger.exception("socket: request failed, database error")
            self.refuse(ref, ApiError("unavailable", "The database cannot be reached. Try again."))
        except LogUnavailable:
            logger.warning("socket: request failed, Redis is not answering")
            self.refuse(ref, ApiError("unavailable", "The server cannot do this right now. Try again."))
        except SignedOut:
            raise
        except Exception:
            logger.exception("socket: request failed")
            self.refuse(ref, ApiError("unavailable", "Something went wrong on the server. Try again."))

    async def _send(self, ref: Ref, frame: dict[str, Any]) -> None:
        await self._start(ref, SendRequest.parse(frame, characters=settings.CHAT_MESSAGE_CHARACTERS))

    async def _approve(self, ref: Ref, frame: dict[str, Any]) -> None:
        await self._start(ref, SendRequest.reply(_message_id(frame), decisions_of(frame), frame))

    async def _reply(self, ref: Ref, frame: dict[str, Any]) -> None:
        replies = answers_of(frame, characters=settings.CHAT_MESSAGE_CHARACTERS)
        await self._start(ref, SendRequest.reply(_message_id(frame), replies, frame))

    async def _start(self, ref: Ref, request: SendRequest) -> None:
        self._quotas.sends.check(self._user_id, per_minute=settings.CHAT_SENDS_PER_MINUTE)
        self._followers.check_room()
        sent = await self._send_signed_in(request)
        run = await self._engine.run_of(self._user_id, sent)
        self._ok(ref, run_id=sent.run_id, conversation_id=sent.conversation_id, duplicate=sent.duplicate)
        # A duplicate send must not restart an answer that the client already follows.
        if not self._followers.follows(sent.run_id):
            number = self._followers.request(sent.run_id)
            await self._followers.start(sent.run_id, run, None, request=number)

    async def _send_signed_in(self, request: SendRequest) -> Sent:
        """Raises SignedOut, ApiError."""
        is_out = False

        def find_user() -> User | None:
            nonlocal is_out
            user = self._find_user()
            is_out = user is None
            return user

        try:
            sent = await self._engine.send(self._user_id, request, find_user=find_user)
        except ApiError:
            if is_out:
                raise SignedOut from None
            raise
        if sent.duplicate and not await self._is_signed_in():
            raise SignedOut
        return sent

    async def _is_signed_in(self) -> bool:
        return await database.find(self._find_user) is not None

    async def _subscribe(self, ref: Ref, frame: dict[str, Any]) -> None:
        run_id = run_id_of(frame.get("run_id"))
        after = _cursor(frame.get("after"))
        self._followers.check_room(run_id)
        number = self._followers.request(run_id)
        try:
            await self._check_signed_in()
            run = await self._engine.find(self._user_id, run_id)
        except BaseException:
            self._followers.withdraw(run_id, number)
            raise
        self._ok(ref, run_id=run_id)
        await self._followers.start(run_id, run, after, request=number)

    async def _unsubscribe(self, ref: Ref, frame: dict[str, Any]) -> None:
        run_id = run_id_of(frame.get("run_id"))
        await self._followers.stop(run_id)
        self._ok(ref, run_id=run_id)

    async def _stop(self, ref: Ref, frame: dict[str, Any]) -> None:
        run_id = run_id_of(frame.get("run_id"))
        await self._check_signed_in()
        await self._engine.stop(self._user_id, run_id)
        self._ok(ref, run_id=run_id)

    async def _check_signed_in(self) -> None:
        """If the database is unavailable, the check of a few seconds ago has to do: a stop must work even then."""
        try:
            if not await self._is_signed_in():
                raise SignedOut
        except DatabaseError:
            logger.warning("socket: sign-in not checked again, database unavailable")

    def _ok(self, ref: Ref, **fields: object) -> None:
        self._writer.put({"type": "ok", "ref": ref, **fields})


def is_ref(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= REF_CHARACTERS
    return value is None or (type(value) is int and abs(value) < LARGEST_REF)


def _message_id(frame: dict[str, Any]) -> str:
    message_id = frame.get("message_id")
    if not isinstance(message_id, str):
        raise ApiError("bad_request", "message_id must be the id of a message.")
    return message_id


def _cursor(value: object) -> Cursor | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ApiError("bad_cursor", "after must be a cursor.")
    try:
        return Cursor.parse(value)
    except BadCursor as error:
        raise ApiError("bad_cursor", str(error)) from error
