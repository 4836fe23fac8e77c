"""A name for each request, which its client, a proxy and the log have in common: `X-Request-ID`."""

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
# Nothing that could end a header or a line of the log, or pass for another part of it: an address or a name of a host.
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_=+-]{1,128}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The name of the request that is being answered here; empty elsewhere."""
    return _current.get()


def made() -> str:
    return uuid.uuid4().hex


def chosen(sent: Iterable[bytes]) -> str:
    """The client's own name for its request, if it has sent one that is well-formed; else a new one."""
    values = [value.decode("latin-1") for value in sent]
    return values[0] if len(values) == 1 and _WELL_FORMED.fullmatch(values[0]) else made()


class RequestIds:
    """ASGI wrapper for HTTP: every response says the request's name, and so does what is logged meanwhile."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        name = chosen(value for field, value in scope["headers"] if field == _FIELD)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Not changed in place: a refusal is kept, and sent to other requests as well.
                message = {**message, "headers": [*message.get("headers", ()), (_FIELD, name.encode())]}
            await send(message)

        before = _current.set(name)
        try:
            await self._app(scope, receive, named)
        finally:
            _current.reset(before)
