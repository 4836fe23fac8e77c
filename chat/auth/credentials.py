"""Authentication by session cookie or bearer token, over HTTP and WebSocket."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Final

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse, parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chat import database
from chat.models import ApiToken, SignIn, User
from chat.protocol.response_headers import should_retry

logger = logging.getLogger(__name__)

SCHEME: Final = "bearer "
SESSIONS_AT_ONCE: Final = 500


class BearerTokenMiddleware:
    """Under /api/, an `Authorization: Bearer` header takes precedence: cookies are ignored, even if it is invalid.

    A request with a bearer token needs no CSRF token: browsers do not add this header by themselves.
    """

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        secret = bearer_secret(request.headers.get("Authorization", ""))
        if secret is not None and request.path_info.startswith("/api/"):
            try:
                user = await database.find(user_of_token, secret)
            except DatabaseError as error:
                logger.warning("auth: token not checked: %r", error)
                return unavailable()
            if user is None:
                return not_signed_in("This API token is invalid, expired or revoked.")
            _sign_in(request, user)
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return await self._get_response(request)


def not_signed_in(message: str = "Sign in, or send an API token.") -> HttpResponse:
    body = {"error": {"code": "not_signed_in", "message": message, "retryable": False}}
    return JsonResponse(
        body, status=401, headers={"WWW-Authenticate": 'Bearer realm="chatsite"', **should_retry(False)}
    )


def unavailable() -> HttpResponse:
    message = "The database cannot be reached. Try again."
    body = {"error": {"code": "unavailable", "message": message, "retryable": True}}
    return JsonResponse(body, status=503, headers={"Retry-After": "5", **should_retry(True)})


def bearer_secret(header: str) -> str | None:
    """The secret in an Authorization header; None for any other scheme."""
    return header[len(SCHEME) :].strip() if header[: len(SCHEME)].lower() == SCHEME else None


def user_of_token(secret: str) -> User | None:
    token = ApiToken.objects.for_secret(secret)
    if token is None:
        return None
    if token.use_is_news:
        # Later: a locked database must not delay the sign-in.
        database.write_later(f"token {token.pk}", token.was_used)
    owner: User = token.owner
    return owner


async def signed_in(request: HttpRequest) -> User | None:
    """The request's user, if signed in and active. Does not open a database connection in the request's thread."""
    if not hasattr(request, "_cached_user"):
        _sign_in(request, await database.find(get_user, request))
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _sign_in(request: HttpRequest, user: User | AnonymousUser) -> None:
    """Make `request.user` and `request.auser()` return this user (see django.contrib.auth.middleware)."""
    request._cached_user = request._acached_user = user  # type: ignore[attr-defined]


def user_of_session(session_key: str) -> User | None:
    """The user of a valid session. Read-only: a socket neither extends nor creates a session."""
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if store.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=store.get(SESSION_KEY), is_active=True).first()
    if user is None or not _is_of_current_password(user, store.get(HASH_SESSION_KEY, "")):
        return None
    return user


def purge_sessions() -> int:
    """Delete at most SESSIONS_AT_ONCE expired sessions, as a long write delays answers. Returns how many."""
    ended = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date")
    deleted, _ = Session.objects.filter(pk__in=list(ended.values_list("pk", flat=True)[:SESSIONS_AT_ONCE])).delete()
    SignIn.objects.purge()
    return deleted


def _is_of_current_password(user: User, session_hash: str) -> bool:
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, each) for each in valid)


def credential_of_scope(scope: dict[str, Any]) -> str:
    """A key that identifies the credential of a WebSocket handshake; empty if it has none."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    secret = bearer_secret(headers.get(b"authorization", ""))
    if secret is not None:
        return f"token {secret}"
    session_key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return f"session {session_key}" if session_key else ""


def user_of_scope(scope: dict[str, Any]) -> User | None:
    """The user of a WebSocket handshake. As over HTTP, a bearer token takes precedence."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    secret = bearer_secret(headers.get(b"authorization", ""))
    if secret is not None:
        return user_of_token(secret)
    # Django's parser: the standard library's drops all cookies if another application has set a malformed one.
    session_key = parse_cookie(headers.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return user_of_session(session_key) if session_key else None
