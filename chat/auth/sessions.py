"""Records the browsers that a user is signed in with. No request waits for it.

allauth.usersessions keeps such a list too, but is not used: its middleware queries the database in every request and,
to record when a session was last seen, also writes in every request; it notices only sign-ins through its own page;
and each sign-in loads all the user's sessions one by one.
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

# Per process. An evicted session only costs another lookup.
KEPT: Final = 10_000


class Noted:
    """Recently recorded sessions, which need no lookup."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def take(self, session_key: str) -> bool:
        """Whether this session is due to be recorded. If so, it counts as recorded."""
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
    """Records the session of a request after the response, without blocking the event loop."""

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
    """Handles django.contrib.auth's `user_logged_in` signal, from any sign-in page."""
    key = request.session.session_key
    if key and noted.take(key):
        agent = request.headers.get("User-Agent", "")
        SignIn.note(user, key, address=_address(request.META.get("REMOTE_ADDR")), user_agent=agent)


def note_scope(scope: Mapping[str, Any]) -> None:
    """Record the session of an open socket or stream, which sends no further requests."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    if key and bearer_secret(headers.get(b"authorization", "")) is None:
        client = scope.get("client") or [None]
        _note_later(key, client[0], headers.get(b"user-agent", ""))


def _known_user(request: HttpRequest) -> User | None:
    """The request's user, if already looked up and not authenticated by a token; otherwise None."""
    user = getattr(request, "_acached_user", None) or getattr(request, "_cached_user", None)
    by_token = getattr(request, "_dont_enforce_csrf_checks", False) and "Authorization" in request.headers
    return user if isinstance(user, User) and not by_token else None


def _note_later(key: str, address: str | None, user_agent: str) -> None:
    if noted.take(key):
        # The name is logged, so it must not contain the session key.
        database.write_later(f"session {hash(key)}", lambda: _note(key, address, user_agent))


def _note(key: str, address: str | None, user_agent: str) -> None:
    # The session may have ended in the meantime.
    user = user_of_session(key)
    if user is not None:
        SignIn.note(user, key, address=_address(address), user_agent=user_agent)


def _address(text: str | None) -> str | None:
    """The address without an IPv6 zone; None if it is not an IP address, as for a Unix socket."""
    try:
        return str(ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None
