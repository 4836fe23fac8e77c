"""How often a password can be guessed, and how long one may be.

Counting by account alone would let anybody lock its owner out; by address alone, many addresses could guess on. So
wrong passwords count by address, by account and address, and by account over all addresses; and a browser that has
logged in to the account before counts by itself (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). What
other people do keeps the owner out of neither that browser nor the way by mail, which forgets the count.
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

# Of failed logins, in django-allauth's words: how many in which time, and of what.
FAILED_LOGINS: Final = {
    "address": "10/m/ip",
    "account_at_address": "5/5m/key,20/h/key",
    "account": "100/h/key",
    "device": "5/5m/key,30/d/key",
}
APP: Final = "chat.accounts"
# More than anybody remembers; what is longer only costs time.
PASSWORD_CHARACTERS: Final = 1_000
# An address has 254 at most (RFC 5321, section 4.5.3.1), a username 150.
LOGIN_CHARACTERS: Final = 254

# Below a path of its own: not one that needs the path of the whole host.
DEVICE_COOKIE: Final = f"{settings.CHAT_COOKIE_PREFIX}known_device"
DEVICE_SALT: Final = "known_device"
DEVICE_SECONDS: Final = 365 * 24 * 3600
# Where several people share a browser, each is known in it.
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
    """One try to log in. It counts from the beginning, so that many at the same time are not more."""

    def __init__(self, usages: list[Any]) -> None:
        self._usages = usages

    def succeeded(self) -> None:
        """What was right does not count."""
        for usage in self._usages:
            usage.rollback()


def begin(request: HttpRequest, login: str, user: User | None) -> Attempt | None:
    """A try to log in by this login, which is `user`'s or nobody's. None if there were too many.

    A refused one does not count for the account: one address alone cannot use up what all have.
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
    """Forget what was counted for this account, here and over all: its owner has shown that it is theirs."""
    for login in filter(None, (user.username, user.email)):
        for counted, key in _keys(request, login).items():
            if counted != "address":
                ratelimit.clear(request, app=APP, action=counted, config=FAILED_LOGINS, key=key)


def know_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """From now on this browser is one that has logged in to this account."""
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
    """Its name, if this browser has logged in to this account before."""
    return _known(request).get(str(user.pk)) if user is not None else None


def _known(request: HttpRequest) -> dict[str, str]:
    try:
        return dict(signing.loads(request.COOKIES.get(DEVICE_COOKIE, ""), salt=DEVICE_SALT, max_age=DEVICE_SECONDS))
    except (signing.BadSignature, ValueError, TypeError):
        return {}


def _keys(request: HttpRequest, login: str) -> dict[str, str]:
    """By what was typed, not by whose it is: that an address is an account's must not show in the count."""
    login = login.lower()
    address = ratelimit.truncate_ip(get_adapter().get_client_ip(request))
    return {"address": address, "account_at_address": f"{address} {login}", "account": login}


def _consume(request: HttpRequest, counted: str, key: str) -> Any:
    return ratelimit.consume(request, app=APP, action=counted, config=FAILED_LOGINS, key=key)
