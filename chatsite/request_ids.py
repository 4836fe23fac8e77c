"""Request IDs, shared by the client, the proxy and the log: `X-Request-ID`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HEADER: Final = "X-Request-ID"
_FIELD: Final = HEADER.lower().encode()
# Nothing that could end a header or a log line, or pass for another part of it, such as a URL or a host name.
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_=+-]{1,128}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The ID of the request being served; empty outside a request."""
    return _current.get()


def made() -> str:
    return uuid.uuid4().hex


def chosen(sent: Iterable[bytes]) -> str:
    """The client's own request ID, if it sent exactly one and it is well-formed; otherwise a new one."""
    values = [value.decode("latin-1") for value in sent]
    return values[0] if len(values) == 1 and _WELL_FORMED.fullmatch(values[0]) else made()


class RequestIds:
    """ASGI wrapper for HTTP: adds the request ID to every HTTP response and to log lines of the request."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        name = chosen(value for field, value in scope["headers"] if field == _FIELD)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A copy: error responses are constants shared by requests.
                message = {**message, "headers": [*message.get("headers", ()), (_FIELD, name.encode())]}
            await send(message)

        before = _current.set(name)
        try:
            await self._app(scope, receive, named)
        finally:
            _current.reset(before)
