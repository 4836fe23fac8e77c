"""In front of Django: limits how many of one user's requests run at once, and answers a repeated flood from memory.

A request costs a thread, a database connection and all middleware before it reaches its view. Without this queue, a
program that sends hundreds of requests at once makes all other users wait, even if each one is rejected.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

from django.conf import settings

from chat.api.errors import refused
from chat.auth.credentials import credential_of_scope
from chat.protocol.errors import ApiError
from chat.protocol.response_headers import NO_PAGE
from chat.quotas.arrivals import TURN
from chat.quotas.quotas import quotas
from chat.quotas.repeated_errors import Key, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class RequestQueue:
    """ASGI wrapper around Django.

    Requests without a known credential, for static files, or with a body go through at once: a slow upload does not
    block its user's other requests. Nor does a slow download, because a turn ends when the response begins.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        user_id = None
        if not scope["path"].startswith(settings.STATIC_URL):
            user_id = quotas().credentials.find(credential_of_scope(scope))
        if user_id is None:
            await self._app(scope, receive, send)
        else:
            await self._in_turn(user_id, scope, receive, send)

    async def _in_turn(self, user_id: int, scope: Any, receive: Receive, send: Send) -> None:
        key: Key = (user_id, scope["method"], scope["path"])
        if answer := quotas().repeated_errors.recall(key):
            await _answer(answer, send)
            return
        async with AsyncExitStack() as turn:
            try:
                if scope["method"] in ("GET", "HEAD"):
                    await turn.enter_async_context(quotas().arrivals.turn(user_id))
            except ApiError as refusal:
                await _answer(_refusal(refusal), send)
                return
            await self._app({**scope, TURN: turn}, receive, _Response(key, turn, send).send)


class _Response:
    """Ends the turn when the response begins, and remembers the response if it is a 429."""

    def __init__(self, key: Key, turn: AsyncExitStack, send: Send) -> None:
        self._key = key
        self._turn = turn
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._turn.aclose()
            self._start = message if message["status"] == 429 else None
        elif self._start is not None:
            if not message.get("more_body"):
                self._remember(self._start, message)
            self._start = None
        await self._send(message)

    def _remember(self, start: Message, body: Message) -> None:
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"set-cookie"]
        seconds = next((value for name, value in headers if name.lower() == b"retry-after"), b"1")
        answer = Response({**start, "headers": headers}, dict(body))
        quotas().repeated_errors.happened(self._key, answer, float(seconds))


def _refusal(refusal: ApiError) -> Response:
    response = refused(refusal)
    headers = [*response.items(), *NO_PAGE.items(), ("Cache-Control", "no-store"), ("Vary", "Cookie, Authorization")]
    head = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    start = {"type": "http.response.start", "status": response.status_code, "headers": head}
    return Response(start, {"type": "http.response.body", "body": response.content})


async def _answer(answer: Response, send: Send) -> None:
    await send(dict(answer.start))
    await send(dict(answer.body))
