"""Which browsers a person is signed in with, noted as they come. No request waits for it.

allauth.usersessions has such a list, too. It is not used: its middleware asks the database in every request and, to
tell when a session was seen last, writes in every one; it hears of its own sign-in page alone; and each sign-in looks
at all sessions of the person, one by one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, parse_cookie

from chat import database
from chat.auth.credentials import bearer_secret, user_of_session
from chat.models import SignIn, User
from chat.models.sign_in import SEEN_EVERY

# Of a process. Whoever is forgotten is only looked up once more.
KEPT: Final = 10_000


class Noted:
    """The sessions that were noted here lately: these are not looked up again."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def take(self, session_key: str) -> bool:
        """Whether it is time to note this one. If so, it counts as noted."""
        now = time.monotonic()
        if self._until.get(session_key, 0) > now:
            return False
        self._until[session_key] = now + SEEN_EVERY.total_seconds()
        self._until.move_to_end(session_key)
        if len(self._until) > KEPT:
            self._until.popitem(last=False)
        return True


noted = Noted()


class SignInsMiddleware:
    """Notes whoever has come with a session, after the response. It asks nobody on the event loop."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        response = await self._get_response(request)
        user = _known_user(request)
        if user is not None and (key := request.session.session_key):
            _note_later(key, request.META.get("REMOTE_ADDR"), request.headers.get("User-Agent", ""))
        return response


def signed_in(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Receives django.contrib.auth's `user_logged_in`, whichever page sent it."""
    key = request.session.session_key
    if key and noted.take(key):
        agent = request.headers.get("User-Agent", "")
        SignIn.note(user, key, address=_address(request.META.get("REMOTE_ADDR")), user_agent=agent)


def note_scope(scope: Mapping[str, Any]) -> None:
    """Whoever keeps a socket or a stream open is there, though no request comes."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    if key and bearer_secret(headers.get(b"authorization", "")) is None:
        client = scope.get("client") or [None]
        _note_later(key, client[0], headers.get(b"user-agent", ""))


def _known_user(request: HttpRequest) -> User | None:
    """Who it is, if that was asked already; None also where a token said so."""
    user = getattr(request, "_acached_user", None) or getattr(request, "_cached_user", None)
    by_token = getattr(request, "_dont_enforce_csrf_checks", False) and "Authorization" in request.headers
    return user if isinstance(user, User) and not by_token else None


def _note_later(key: str, address: str | None, user_agent: str) -> None:
    if noted.take(key):
        # Its name goes to the log, where no key may be.
        database.write_later(f"session {hash(key)}", lambda: _note(key, address, user_agent))


def _note(key: str, address: str | None, user_agent: str) -> None:
    # It may have ended since.
    user = user_of_session(key)
    if user is not None:
        SignIn.note(user, key, address=_address(address), user_agent=user_agent)


def _address(text: str | None) -> str | None:
    """None for what the database would not take: a Unix socket has none, and a zone is no part of one."""
    try:
        return str(ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None
