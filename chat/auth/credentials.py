"""Authentication by session cookie or bearer token, over HTTP and WebSocket."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest, parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chat import database
from chat.models import ApiToken, SignIn, User

SCHEME: Final = "bearer "
SESSIONS_AT_ONCE: Final = 500


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
        remember(request, await database.find(get_user, request))
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def remember(request: HttpRequest, user: User | AnonymousUser) -> None:
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
