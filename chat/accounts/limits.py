"""Rate limits for password guessing, and the maximum length of passwords.

Counting by account alone would let anyone lock out its owner; by IP address alone, many addresses could keep guessing.
So wrong passwords count per address, per account and address, and per account over all addresses. A browser that has
signed in to the account before is counted separately (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
Others can lock the owner out of neither that browser nor a password reset by mail, which clears the counts.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

from chat.models import User

# Limits of failed sign-ins, in django-allauth's syntax: count, period, scope.
FAILED_LOGINS: Final = {
    "address": "10/m/ip",
    "account_at_address": "5/5m/key,20/h/key",
    "account": "100/h/key",
    "device": "5/5m/key,30/d/key",
}
APP: Final = "chat.accounts"
# More than anyone remembers; longer ones only cost time to hash.
PASSWORD_CHARACTERS: Final = 1_000
# An e-mail address has at most 254 characters (RFC 5321, section 4.5.3.1), a username 150.
LOGIN_CHARACTERS: Final = 254

# Without the `__Host-` prefix, which would require the path "/".
DEVICE_COOKIE: Final = f"{settings.CHAT_COOKIE_PREFIX}known_device"
DEVICE_SALT: Final = "known_device"
DEVICE_SECONDS: Final = 365 * 24 * 3600
# Several people may share a browser.
ACCOUNTS_PER_DEVICE: Final = 5


class MaximumLengthValidator:
    """For AUTH_PASSWORD_VALIDATORS."""

    def __init__(self, max_length: int = PASSWORD_CHARACTERS) -> None:
        self._max_length = max_length

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > self._max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return ngettext(
            "Your password must contain at most %(max_length)d character.",
            "Your password must contain at most %(max_length)d characters.",
            self._max_length,
        ) % {"max_length": self._max_length}


class Attempt:
    """An attempt to sign in. It counts from its start, so that concurrent attempts cannot exceed the limit."""

    def __init__(self, usages: list[Any]) -> None:
        self._usages = usages

    def succeeded(self) -> None:
        """A successful attempt does not count."""
        for usage in self._usages:
            usage.rollback()


def begin(request: HttpRequest, login: str, user: User | None) -> Attempt | None:
    """Begin an attempt with this login, which is `user`'s or nobody's. None if there were too many.

    A refused attempt does not count for the account: a single address cannot use up the limit shared by all.
    """
    if device := _device(request, user):
        usage = _consume(request, "device", device)
        if usage is not None:
            return Attempt([usage])
    usages = []
    for counted, key in _keys(request, login).items():
        usage = _consume(request, counted, key)
        if usage is None:
            return None
        usages.append(usage)
    return Attempt(usages)


def forget(request: HttpRequest, user: User) -> None:
    """Clear the counts of this account, from this address and over all: the owner has proved ownership."""
    for login in filter(None, (user.username, user.email)):
        for counted, key in _keys(request, login).items():
            if counted != "address":
                ratelimit.clear(request, app=APP, action=counted, config=FAILED_LOGINS, key=key)


def know_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Remember that this browser has signed in to this account."""
    known = _known(request)
    name = known.pop(str(user.pk), None) or secrets.token_urlsafe(16)
    newest = [*known.items(), (str(user.pk), name)][-ACCOUNTS_PER_DEVICE:]
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps(newest, salt=DEVICE_SALT),
        max_age=DEVICE_SECONDS,
        path=f"{settings.SUB_PATH}/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device(request: HttpRequest, user: User | None) -> str | None:
    """The device's id, if this browser has signed in to this account before."""
    return _known(request).get(str(user.pk)) if user is not None else None


def _known(request: HttpRequest) -> dict[str, str]:
    try:
        return dict(signing.loads(request.COOKIES.get(DEVICE_COOKIE, ""), salt=DEVICE_SALT, max_age=DEVICE_SECONDS))
    except (signing.BadSignature, ValueError, TypeError):
        return {}


def _keys(request: HttpRequest, login: str) -> dict[str, str]:
    """Keyed by the login as typed, not by its user: the counts must not reveal which logins exist."""
    login = login.lower()
    address = ratelimit.truncate_ip(get_adapter().get_client_ip(request))
    return {"address": address, "account_at_address": f"{address} {login}", "account": login}


def _consume(request: HttpRequest, counted: str, key: str) -> Any:
    return ratelimit.consume(request, app=APP, action=counted, config=FAILED_LOGINS, key=key)
