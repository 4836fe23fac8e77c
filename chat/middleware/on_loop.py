"""Django's request handler and middleware, run on the event loop.

Under ASGI, Django runs both halves of each middleware in the request's thread and waits for them, since they might
query a database. Twenty such thread hops were half the cost of a small API call, and each of them could wait behind
any busy thread. Nearly all halves only look at headers, so they run on the event loop. Anything that queries the
database or renders a page still runs in the request's thread, which is only created when it is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix
from django.utils.deprecation import MiddlewareMixin


class OnLoop(MiddlewareMixin):
    """For middleware whose `process_request` never blocks, and whose `process_response` blocks only if `asks`."""

    def asks(self, request: HttpRequest) -> bool:
        """Whether processing this response may wait for the database, a disk or the network."""
        return False

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        if response is None:
            response = await self.get_response(request)  # type: ignore[misc]
        if not hasattr(self, "process_response"):
            return response
        if self.asks(request):
            response = await sync_to_async(self.process_response)(request, response)
        else:
            response = self.process_response(request, response)
        return response


class Security(OnLoop, SecurityMiddleware):
    """On the event loop."""


class Locale(OnLoop, LocaleMiddleware):
    """On the event loop."""


class Common(OnLoop, CommonMiddleware):
    """On the event loop. A 204 response gets no headers that describe a body (RFC 9110, 8.6)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        if response.status_code == HTTPStatus.NO_CONTENT:
            del response.headers["Content-Length"]
            del response.headers["Content-Type"]
        return response


class Authentication(OnLoop, AuthenticationMiddleware):
    """On the event loop: the user is looked up later, by the code that needs it."""


class XFrameOptions(OnLoop, XFrameOptionsMiddleware):
    """On the event loop."""


class Sessions(OnLoop, SessionMiddleware):
    """On the event loop, except for saving."""

    def asks(self, request: HttpRequest) -> bool:
        return request.session.modified or settings.SESSION_SAVE_EVERY_REQUEST


class Messages(OnLoop, MessageMiddleware):
    """On the event loop, unless messages were read or added, which may load the session."""

    def asks(self, request: HttpRequest) -> bool:
        messages: Any = getattr(request, "_messages", None)
        return messages is not None and (messages.used or messages.added_new)


class Csrf(OnLoop, CsrfViewMiddleware):
    """On the event loop, except for forms, which may be long, and for the error page."""

    async def process_view(  # type: ignore[override]
        self, request: HttpRequest, callback: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        check = partial(super().process_view, request, callback, args, kwargs)
        has_form = request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data")
        refused = await sync_to_async(check)() if has_form else check()
        return await sync_to_async(refused)() if callable(refused) else refused

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return partial(super()._reject, request, reason)  # type: ignore[misc]


# Keyed by the names in settings.MIDDLEWARE: Django's deployment checks look for those names and accept no subclass.
ON_LOOP: Final = {
    f"{original.__module__}.{original.__qualname__}": f"{__name__}.{ours.__qualname__}"
    for ours, original in [
        (Security, SecurityMiddleware),
        (Sessions, SessionMiddleware),
        (Locale, LocaleMiddleware),
        (Common, CommonMiddleware),
        (Csrf, CsrfViewMiddleware),
        (Authentication, AuthenticationMiddleware),
        (Messages, MessageMiddleware),
        (XFrameOptions, XFrameOptionsMiddleware),
    ]
}


class _Thread(ThreadPoolExecutor):
    """The thread of one request, created when it is first used."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.is_there = False

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self.is_there = True
        return super().submit(*args, **kwargs)


class Handler(ASGIHandler):
    """Django's handler, without a thread for requests that do not need one.

    Django's own starts and ends every request in a thread, to manage that thread's database connections.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        thread = _Thread()
        try:
            async with ThreadSensitiveContext(executor=thread):
                with await self.read_body(receive) as body:
                    response = await self._response(scope, body, receive, send)
                    end = (
                        partial(signals.request_finished.send, sender=type(self))
                        if response is None
                        else response.close
                    )
                    await sync_to_async(end)() if thread.is_there else end()
        except RequestAborted:
            """The client disconnected before its request had arrived."""
        finally:
            thread.shutdown(wait=False)

    async def _response(self, scope: Any, body: Any, receive: Any, send: Any) -> HttpResponseBase | None:
        """The response that was sent; None if the client disconnected first."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request: Any
        request, refusal = self.create_request(scope, body)
        if refusal is not None:
            await self.send_response(refusal, send)
            return refusal
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        answering = asyncio.create_task(self._answer(request, send))
        try:
            await asyncio.wait([leaving, answering], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            answering.cancel()
            ended = await asyncio.gather(leaving, answering, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, RequestAborted | asyncio.CancelledError):
                raise error
        return ended[1] if isinstance(ended[1], HttpResponseBase) else None

    async def _answer(self, request: HttpRequest, send: Any) -> HttpResponseBase:
        response: HttpResponseBase = await self.run_get_response(request)
        # The client may disconnect while the response is sent.
        with suppress(asyncio.CancelledError):
            await self.send_response(response, send)
        return response


def asgi_handler() -> Handler:
    """Django's handler, with the middleware from the settings replaced by the classes above where they exist."""
    named = settings.MIDDLEWARE
    settings.MIDDLEWARE = [ON_LOOP.get(each, each) for each in named]
    try:
        return Handler()
    finally:
        settings.MIDDLEWARE = named
