"""Streaming responses that hold no thread and no database connection.

Django keeps a thread, and the connection it opened, for as long as a response lasts. So a view only decides: it
authorizes, and hands the stream over. This wrapper then sends the response straight from the log, at once: Django
finishes its part of the request beside it, in milliseconds that a first token would otherwise wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing, suppress
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chat import metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
Body = AsyncGenerator[bytes, None]

_SLOT: Final = "chat.event_stream"
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    # Compression would hold text back, and Django's would make each chunk a gzip file of its own.
    "Content-Encoding": "identity",
    "Vary": "Cookie, Authorization",
    # What Django's middleware adds to every other response, which this one does not wait for.
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def stream(request: HttpRequest, body: Body) -> HttpResponse:
    """The response of a view whose body is `body`. It is sent at once; what Django adds to it later is not."""
    if request.method != "HEAD":
        request.scope[_SLOT].set_result(body)  # type: ignore[attr-defined]
    return HttpResponse(headers=HEADERS)


class EventStreams:
    """ASGI wrapper around Django."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handed_over: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        client = _Client(receive)

        async def forward(message: Message) -> None:
            if not handed_over.done():
                await send(message)

        django: asyncio.Future[None] = asyncio.ensure_future(
            self._app({**scope, _SLOT: handed_over}, client.listen, forward)
        )
        try:
            either: list[asyncio.Future[Any]] = [django, handed_over]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if handed_over.done():
                await _respond(handed_over.result(), client, django, send)
            await django
        finally:
            django.cancel()
            await asyncio.gather(django, return_exceptions=True)


class _Client:
    """Whether the client is still there. Django listens while it works; what it has heard is not said again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = asyncio.Event()

    async def listen(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone.set()
        return message

    async def gone(self, django: asyncio.Future[None]) -> None:
        """Return when the client has gone. While Django works, only Django may receive."""
        leaving = asyncio.ensure_future(self._gone.wait())
        try:
            either: list[asyncio.Future[Any]] = [leaving, django]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            while not self._gone.is_set():
                await self.listen()
        finally:
            leaving.cancel()


async def _respond(body: Body, client: _Client, django: asyncio.Future[None], send: Send) -> None:
    """Send until the body ends or the client goes away, which ends the body. A send that waits makes the body wait."""
    sending = asyncio.create_task(_pump(body, send))
    gone = asyncio.create_task(client.gone(django))
    try:
        with metrics.READERS.labels("sse").track_inprogress():
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        else:
            metrics.DISCONNECTS.labels("sse").inc()
    finally:
        for task in (sending, gone):
            task.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)


async def _pump(body: Body, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    # A server whose client has just gone raises out of send, each in its own way: for us that is the end.
    with suppress(OSError):
        async with aclosing(body):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for chunk in body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                metrics.FRAMES.labels("sse").inc()
                metrics.EVENT_BYTES.labels("sse").inc(len(chunk))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
