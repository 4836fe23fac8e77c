"""Long responses that hold neither a thread nor a database connection.

Django keeps a thread, and the connection it opened, for as long as a response lasts. So a view only authorizes the
request and hands it over. This wrapper then responds at once, straight from the log, while Django finishes its part of
the request: the first token does not wait those milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter

from chat import metrics
from chat.api.errors import not_signed_in
from chat.api.streams.heartbeats import LIVE_SECONDS
from chat.auth.sign_in_watch import signed_out
from chat.generation.run_labels import RunLabels
from chat.models import User
from chat.protocol.response_headers import NO_PAGE
from chat.quotas.connections import RETRY_SECONDS, Full, Slot
from chat.quotas.quotas import quotas
from chat.quotas.requests import too_many_connections

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
Body = AsyncGenerator[bytes, None]
Responder = Callable[[Send], Coroutine[Any, Any, None]]

# How long a waiting response may be silent: as long as the stream of a live run.
SILENT_SECONDS: Final = LIVE_SECONDS
# A `send` returns at once while the write buffer has room.
STALL_SECONDS: Final = 0.05
_SLOT: Final = "chat.responder"
_PLACES: Final = "chat.places"
# Django's middleware adds these to all other responses; these responses do not wait for it.
COMMON_HEADERS: Final = {
    "Vary": "Cookie, Authorization",
    **NO_PAGE,
}
# For responses that no proxy may buffer.
_UNHELD: Final = {
    "X-Accel-Buffering": "no",
    # Compression would delay text, and Django's would make each chunk a separate gzip file.
    "Content-Encoding": "identity",
    **COMMON_HEADERS,
}
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    **_UNHELD,
}
# Of a response that begins before its result is known.
_LATE_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store", **_UNHELD}


async def take_a_place(request: HttpRequest, reader: User) -> None:
    """Count a long response against the user's limit until it ends. Call this before starting one.

    Raises ApiError too_many_requests.
    """
    places: list[Slot] = request.scope[_PLACES]  # type: ignore[attr-defined]
    try:
        place = await quotas().connections.open("streams", reader.pk, limit=settings.CHAT_STREAMS_PER_USER)
    except Full:
        raise too_many_connections(RETRY_SECONDS) from None
    places.append(place)


@dataclass(frozen=True, slots=True)
class Follows:
    """The runs that a response follows at the moment, and the labels of each run for metrics."""

    run_ids: Callable[[], Sequence[str]]
    labels: RunLabels

    async def count(self, counter: Counter) -> None:
        for run_id in self.run_ids():
            counter.labels("sse", *await self.labels.of(run_id)).inc()


def stream(request: HttpRequest, reader: User, body: Body, follows: Follows) -> HttpResponse:
    """Respond with the stream `body`. It is sent at once; anything Django adds to the response later is not sent.

    It ends early when the user is signed out; the client's next request then tells it why.
    """
    sent = _nothing() if request.method == "HEAD" else body
    _hand_over(request, reader, lambda send: _pump(sent, send, follows), follows)
    return HttpResponse()


def later(
    request: HttpRequest, reader: User, answer: Coroutine[Any, Any, HttpResponse], follows: Follows
) -> HttpResponse:
    """Respond with JSON that has to be waited for.

    A result within SILENT_SECONDS is sent with its own status. After that the status is 200 whatever happens, and
    spaces precede the body: many clients give up on a connection that is silent for longer.
    """
    _hand_over(request, reader, lambda send: _answer(answer, send), follows, farewell=not_signed_in().content)
    return HttpResponse()


def _hand_over(
    request: HttpRequest, reader: User, respond: Responder, follows: Follows, *, farewell: bytes = b""
) -> None:
    """`farewell`: ends a response that has already begun if its user is signed out."""
    request.scope[_SLOT].set_result(_HandedOver(reader.pk, respond, follows, farewell))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _HandedOver:
    user_id: int
    respond: Responder
    follows: Follows
    farewell: bytes


class EventStreams:
    """ASGI wrapper around Django."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handed_over: asyncio.Future[_HandedOver] = asyncio.get_running_loop().create_future()
        client = _Client(receive)
        places: list[Slot] = []

        async def forward(message: Message) -> None:
            if not handed_over.done():
                await send(message)

        django: asyncio.Future[None] = asyncio.ensure_future(
            self._app({**scope, _SLOT: handed_over, _PLACES: places}, client.listen, forward)
        )
        try:
            either: list[asyncio.Future[Any]] = [django, handed_over]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if handed_over.done():
                given = handed_over.result()
                response = _Response(send, given.farewell)
                refused = response.refused(scope, given.user_id)
                await _respond(given.respond(response.send), client.gone(django), refused, given.follows)
            await django
        finally:
            django.cancel()
            try:
                await asyncio.gather(django, return_exceptions=True)
            finally:
                for place in places:
                    place.leave()


class _Client:
    """Tracks whether the client is still connected. A disconnect that Django receives is not delivered again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = asyncio.Event()

    async def listen(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone.set()
        return message

    async def gone(self, django: asyncio.Future[None]) -> None:
        """Return when the client has disconnected. While Django works, only Django may call `receive`."""
        leaving = asyncio.ensure_future(self._gone.wait())
        try:
            either: list[asyncio.Future[Any]] = [leaving, django]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            while not self._gone.is_set():
                await self.listen()
        finally:
            leaving.cancel()


class _Response:
    """One response, which ends early if its user is signed out."""

    def __init__(self, send: Send, farewell: bytes) -> None:
        self._send = send
        self._farewell = farewell
        self._begun = False
        self._refused = False

    async def send(self, message: Message) -> None:
        if self._refused:
            # The user may read no more, and nothing may follow the end of a response.
            await asyncio.Event().wait()
        self._begun = True
        await self._send(message)

    async def refused(self, scope: Scope, user_id: int) -> None:
        """Return once the user is signed out and the client knows: by a 401, or by the end of the response."""
        await signed_out(scope, user_id)
        self._refused = True
        if self._begun:
            with suppress(OSError):
                await self._send(_end(self._farewell))
        else:
            with suppress(OSError):
                await _send_whole(not_signed_in(), self._send)


async def _respond(
    responding: Coroutine[Any, Any, None],
    gone: Coroutine[Any, Any, None],
    refused: Coroutine[Any, Any, None],
    follows: Follows,
) -> None:
    """Respond until the end, or until the client disconnects or its user is signed out."""
    tasks = [asyncio.create_task(each) for each in (responding, gone, refused)]
    try:
        with metrics.READERS.labels("sse").track_inprogress():
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        else:
            await follows.count(metrics.DISCONNECTS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _nothing() -> Body:
    """The empty body of a response to HEAD."""
    return
    yield


async def _pump(body: Body, send: Send, follows: Follows) -> None:
    """Send a body. The body waits while the client is slow."""
    now = asyncio.get_running_loop().time
    # After a disconnect `send` raises, differently on each server: that is the end of the response.
    with suppress(OSError):
        async with aclosing(body):
            await send(_start(200, HEADERS))
            async for chunk in body:
                began = now()
                await send(_part(chunk))
                if now() - began >= STALL_SECONDS:
                    await follows.count(metrics.BACKPRESSURE)
                metrics.SENT_BY_SSE.count(len(chunk))
            await send(_end())


async def _answer(answer: Coroutine[Any, Any, HttpResponse], send: Send) -> None:
    answering = asyncio.ensure_future(answer)
    try:
        has_begun = await _send_spaces(answering, send)
        response = answering.result()
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    with suppress(OSError):
        if has_begun:
            await send(_end(response.content))
        else:
            await _send_whole(response, send)


async def _send_spaces(answering: asyncio.Future[Any], send: Send) -> bool:
    """Send spaces until the result is known. Returns whether the response has begun, so that its status is fixed."""
    has_begun = False
    while not (await asyncio.wait([answering], timeout=SILENT_SECONDS))[0]:
        with suppress(OSError):
            if not has_begun:
                has_begun = True
                await send(_start(200, _LATE_HEADERS))
            await send(_part(b" "))
    return has_begun


async def _send_whole(response: HttpResponse, send: Send) -> None:
    own = {"Content-Length": str(len(response.content)), "Cache-Control": "no-store"}
    await send(_start(response.status_code, {**dict(response.items()), **COMMON_HEADERS, **own}))
    await send(_end(response.content))


def _start(status: int, headers: Mapping[str, str]) -> Message:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


def _end(body: bytes = b"") -> Message:
    return {"type": "http.response.body", "body": body, "more_body": False}
