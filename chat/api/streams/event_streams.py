"""Responses that take their time, without a thread and a database connection.

Django keeps a thread, and the connection it opened, for as long as a response lasts. So a view only decides: it
authorizes, and hands over. This wrapper then responds, at once and straight from the log: Django finishes its part of
the request beside it, in milliseconds that a first token would otherwise wait for.
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

# How long an answer may be waited for in silence: as long as a stream of a live run.
SILENT_SECONDS: Final = LIVE_SECONDS
# A `send` with room for more returns at once.
STALL_SECONDS: Final = 0.05
_SLOT: Final = "chat.responder"
_PLACES: Final = "chat.places"
# What Django's middleware adds to every other response, which these do not wait for.
COMMON_HEADERS: Final = {
    "Vary": "Cookie, Authorization",
    **NO_PAGE,
}
# For what is to arrive as it is sent.
_UNHELD: Final = {
    "X-Accel-Buffering": "no",
    # Compression would hold text back, and Django's would make each chunk a gzip file of its own.
    "Content-Encoding": "identity",
    **COMMON_HEADERS,
}
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    **_UNHELD,
}
# Of an answer that begins before it is known.
_LATE_HEADERS: Final = {"Content-Type": "application/json", "Cache-Control": "no-store", **_UNHELD}


async def take_a_place(request: HttpRequest, reader: User) -> None:
    """Before a response that takes its time: among those that the reader may have open, until this one has ended.

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
    """The runs that a response follows at a moment, and who answers a run: for what is counted of them."""

    run_ids: Callable[[], Sequence[str]]
    labels: RunLabels

    async def count(self, counter: Counter) -> None:
        for run_id in self.run_ids():
            counter.labels("sse", *await self.labels.of(run_id)).inc()


def stream(request: HttpRequest, reader: User, body: Body, follows: Follows) -> HttpResponse:
    """The response of a view whose body is `body`. It is sent at once; what Django adds to it later is not.

    It ends early when its reader is signed out: the client's next request then hears why.
    """
    sent = _nothing() if request.method == "HEAD" else body
    _hand_over(request, reader, lambda send: _pump(sent, send, follows), follows)
    return HttpResponse()


def later(
    request: HttpRequest, reader: User, answer: Coroutine[Any, Any, HttpResponse], follows: Follows
) -> HttpResponse:
    """The response of a view that has to wait for its answer: JSON.

    What is known within SILENT_SECONDS is answered as it is. Later, the status is 200 whatever comes, and spaces come
    before the answer: many clients give up what is silent for longer.
    """
    _hand_over(request, reader, lambda send: _answer(answer, send), follows, farewell=not_signed_in().content)
    return HttpResponse()


def _hand_over(
    request: HttpRequest, reader: User, respond: Responder, follows: Follows, *, farewell: bytes = b""
) -> None:
    """`farewell`: what a response that has begun ends with if its reader is signed out."""
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


class _Response:
    """What is sent in one response, and its end if its reader is signed out before."""

    def __init__(self, send: Send, farewell: bytes) -> None:
        self._send = send
        self._farewell = farewell
        self._begun = False
        self._refused = False

    async def send(self, message: Message) -> None:
        if self._refused:
            # Nothing more is for this reader, and nothing may come after the end.
            await asyncio.Event().wait()
        self._begun = True
        await self._send(message)

    async def refused(self, scope: Scope, user_id: int) -> None:
        """Return when the reader may not read on and has been told so: what has begun ends, else it is a refusal."""
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
    """Respond until that ends, or the client goes away or is signed out, which ends it."""
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
    """The body for who asks for the headers alone."""
    return
    yield


async def _pump(body: Body, send: Send, follows: Follows) -> None:
    """Send a body. A send that waits makes the body wait."""
    now = asyncio.get_running_loop().time
    # A server whose client has just gone raises out of send, each in its own way: for us that is the end.
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
    """Until the answer is there. Whether that was too late for a status."""
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
