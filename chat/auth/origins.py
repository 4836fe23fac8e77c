"""Which pages may open the WebSocket: exact origins, compared by scheme, host and port.

A browser sends the session cookie with a WebSocket handshake from any site (cross-site WebSocket hijacking); only the
Origin header tells where the handshake comes from.
"""

from __future__ import annotations

import logging
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.translation import gettext

from chat.auth.credentials import bearer_secret

logger = logging.getLogger(__name__)

# Limits on what is logged, so that a client with invented origins cannot fill the log.
TOLD: Final = 32
LONGEST: Final = 200
_told: set[tuple[str, str]] = set()


def may_connect(scope: dict[str, Any]) -> bool:
    """Whether a handshake comes from this site, a trusted origin, or a program with a bearer token."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if not _is_our_host(host):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return bearer_secret(headers.get(b"authorization", "")) is not None
    return is_ours(origin, host, is_secure=scope.get("scheme") == "wss")


def is_ours(origin: str, host: str, *, is_secure: bool = False) -> bool:
    """Whether `origin` is the site's own, as given by this `Host`, or a trusted one."""
    own = own_origin(host, is_secure=is_secure)
    return origin.lower() == own.lower() or origin.lower() in [each.lower() for each in settings.TRUSTED_ORIGINS]


def own_origin(host: str, *, is_secure: bool = False) -> str:
    return f"{'https' if settings.HTTPS or is_secure else 'http'}://{host}"


def advice(origin: str, host: str) -> str:
    """For the operator: which header or setting probably causes a mismatch of `Origin` and `Host`."""
    scheme, name = _parts(origin)
    is_same_host = bool(name) and origin.partition("://")[2].lower() == host.lower()
    if is_same_host and settings.HTTPS:
        return gettext(
            "CHAT_HTTPS is on, but this request came over HTTP. Serve the site over HTTPS, or remove CHAT_HTTPS."
        )
    if is_same_host:
        return _set_https()
    if not _is_proxied(name):
        return gettext("If %(origin)s is an address of this site, add it to TRUSTED_ORIGINS.") % {"origin": origin}
    sentence = gettext(
        "Configure the reverse proxy to pass on the browser's Host header unchanged, "
        "or add %(origin)s to TRUSTED_ORIGINS."
    ) % {"origin": origin}
    return f"{sentence} {_set_https()}" if scheme == "https" and not settings.HTTPS else sentence


def tell_of_the_origin(scope: dict[str, Any]) -> None:
    """Log a handshake that `may_connect` refused because of its origin or host."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    if origin := headers.get(b"origin"):
        tell("a WebSocket was", origin, headers.get(b"host", ""))


def tell(what: str, origin: str, host: str) -> None:
    """Log a refusal because of the origin: once per pair, for at most TOLD pairs."""
    pair = (_printable(origin), _printable(host))
    if pair not in _told and len(_told) < TOLD:
        _told.add(pair)
        logger.warning(
            "origins: %s refused: its Origin is %s, but by its Host header (%s) the site is %s. %s",
            *(what, pair[0], pair[1], own_origin(pair[1]), advice(*pair)),
        )


def _is_proxied(name: str) -> bool:
    """Whether this is a name of the site, so that the Host header must be wrong."""
    names = [each for each in settings.ALLOWED_HOSTS if each != "*"]
    return bool(name) and (validate_host(name, names) or name == urlsplit(settings.CHAT_URL).hostname)


def _set_https() -> str:
    return gettext("This site is used over HTTPS: set CHAT_HTTPS=1.")


def _printable(header: str) -> str:
    return header[:LONGEST].encode("unicode_escape").decode()


def _parts(origin: str) -> tuple[str, str]:
    """Scheme and host name; empty for `null` and for anything that is not an origin."""
    try:
        parts = urlsplit(origin)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""


def _is_our_host(host: str) -> bool:
    """Django's check of the Host header. Without it, a name that an attacker points here would pass as ours."""
    domain, _ = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS or settings.LOCAL_HOSTS
    return bool(domain) and validate_host(domain, allowed)
