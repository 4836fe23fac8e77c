"""Which pages may open the WebSocket: exact origins, compared with scheme, host and port.

A browser sends the session cookie with a WebSocket handshake from any site and asks nobody (cross-site WebSocket
hijacking); the Origin header is all there is to tell.
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

# Whoever sends others must not fill the log.
TOLD: Final = 32
LONGEST: Final = 200
_told: set[tuple[str, str]] = set()


def may_connect(scope: dict[str, Any]) -> bool:
    """Whether a handshake comes from this site, from a trusted origin, or from a program with a bearer token."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if not _is_our_host(host):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return bearer_secret(headers.get(b"authorization", "")) is not None
    return is_ours(origin, host, is_secure=scope.get("scheme") == "wss")


def is_ours(origin: str, host: str, *, is_secure: bool = False) -> bool:
    """Whether an `Origin` is that of the site, as a request with this `Host` has it, or one that is trusted."""
    own = own_origin(host, is_secure=is_secure)
    return origin.lower() == own.lower() or origin.lower() in [each.lower() for each in settings.TRUSTED_ORIGINS]


def own_origin(host: str, *, is_secure: bool = False) -> str:
    return f"{'https' if settings.HTTPS or is_secure else 'http'}://{host}"


def advice(origin: str, host: str) -> str:
    """For the operator: the header and the setting that an `Origin` and a `Host` which do not agree may come from."""
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
    """Log what `may_connect` refused, if it was for its origin or its host."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    if origin := headers.get(b"origin"):
        tell("a WebSocket was", origin, headers.get(b"host", ""))


def tell(what: str, origin: str, host: str) -> None:
    """Log that something was refused for its origin: once for each pair, and for TOLD of them."""
    pair = (_printable(origin), _printable(host))
    if pair not in _told and len(_told) < TOLD:
        _told.add(pair)
        logger.warning(
            "origins: %s refused: it came with Origin %s, but by its Host header (%s) the site is %s. %s",
            *(what, pair[0], pair[1], own_origin(pair[1]), advice(*pair)),
        )


def _is_proxied(name: str) -> bool:
    """Whether people know the site by this name, so that it is the Host that is wrong."""
    names = [each for each in settings.ALLOWED_HOSTS if each != "*"]
    return bool(name) and (validate_host(name, names) or name == urlsplit(settings.CHAT_URL).hostname)


def _set_https() -> str:
    return gettext("This site is used over HTTPS: set CHAT_HTTPS=1.")


def _printable(header: str) -> str:
    return header[:LONGEST].encode("unicode_escape").decode()


def _parts(origin: str) -> tuple[str, str]:
    """Scheme and name; empty for `null`, and for what is no origin."""
    try:
        parts = urlsplit(origin)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""


def _is_our_host(host: str) -> bool:
    """As Django checks the Host header: without it a name that an attacker points here would pass as ours."""
    domain, _ = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS or settings.LOCAL_HOSTS
    return bool(domain) and validate_host(domain, allowed)
