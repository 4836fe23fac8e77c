"""Streaming responses that hold no thread and no database connection.

Django keeps a thread, and the connection it opened, for as long as a response lasts. So a view only decides: it
authorizes, and hands the stream over. Django's own request then ends, and this wrapper sends the body, straight from
the log, with what the view's response said of status and headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing, suppress
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from chat import metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

_SLOT: Final = "chat.event_stream"
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    # Compression would hold text back, and Django's would make each chunk a gzip file of its own.
    "Content-Encoding": "identity",
}


def stream(request: HttpRequest, body: AsyncGenerator[bytes, None]) -> HttpResponse:
    """The response of a view whose body is `body`. Nothing of it is sent before Django is done with the request."""
    if request.method != "HEAD":
        request.scope[_SLOT].append(body)  # type: ignore[attr-defined]
    return HttpResponse(headers=HEADERS)


class EventStreams:
    """ASGI wrapper around Django."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bodies: list[AsyncGenerator[bytes, None]] = []
        held: list[Message] = []
        gone = False

        async def listen() -> Message:
            # Django listens for a disconnect while it works; what it has heard would not be said again.
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        async def forward(message: Message) -> None:
            if bodies:
                held.append(message)
            else:
                await send(message)

        await self._app({**scope, _SLOT: bodies}, receive, forward)
        # Without a start the client went away while Django answered: nobody is there to read the body.
        if bodies and held:
            await _send_body(bodies[0], held[0], receive, send)


async def _send_body(body: AsyncGenerator[bytes, None], start: Message, receive: Receive, send: Send) -> None:
    """Send until the body ends or the client goes away, which ends the body. A send that waits makes the body wait."""
    sending = asyncio.create_task(_pump(body, start, send))
    gone = asyncio.create_task(_disconnect(receive))
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


async def _pump(body: AsyncGenerator[bytes, None], start: Message, send: Send) -> None:
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    # A server whose client has just gone raises out of send, each in its own way: for us that is the end.
    with suppress(OSError):
        async with aclosing(body):
            await send({**start, "headers": headers})
            async for chunk in body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                metrics.FRAMES.labels("sse").inc()
                metrics.EVENT_BYTES.labels("sse").inc(len(chunk))
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
