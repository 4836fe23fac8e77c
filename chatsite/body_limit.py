"""A limit on request bodies, for servers without one (uvicorn)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from chat.api.errors import refused
from chat.protocol.errors import ApiError
from chat.protocol.response_headers import NO_PAGE
from chat.rate_limit import BODY_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """ASGI wrapper: refuses request bodies of more than `limit` bytes with 413.

    Django would write the whole body to disk before anything authenticates the client.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], limit: int = BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        received = 0
        has_begun = False

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise ApiError("body_too_big", "The request is too large.")
            return message

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive_some, begin)
        except ApiError as error:
            if not has_begun:
                await _refuse(error, send)


async def _refuse(error: ApiError, send: Send) -> None:
    response = refused(error)
    headers = [*response.items(), *NO_PAGE.items(), ("Connection", "close")]
    head = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status_code, "headers": head})
    await send({"type": "http.response.body", "body": response.content})
