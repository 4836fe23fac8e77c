"""Which pages may open the WebSocket: exact origins, compared with scheme, host and port.

A browser sends the session cookie with a WebSocket handshake from any site and asks nobody (cross-site WebSocket
hijacking); the Origin header is all there is to tell.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from chat.auth import bearer_secret


def may_connect(scope: dict[str, Any]) -> bool:
    """Whether a handshake comes from this site, from a trusted origin, or from a program with a bearer token."""
    headers = {name: value.decode("latin1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if not _is_our_host(host):
        return False
    origin = headers.get(b"origin")
    if origin is None:
        return bearer_secret(headers.get(b"authorization", "")) is not None
    is_secure = settings.HTTPS or scope.get("scheme") == "wss"
    own = f"{'https' if is_secure else 'http'}://{host}"
    return origin.lower() == own.lower() or origin.lower() in [each.lower() for each in settings.TRUSTED_ORIGINS]


def _is_our_host(host: str) -> bool:
    """As Django checks the Host header: without it a name that an attacker points here would pass as ours."""
    domain, _ = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS or settings.LOCAL_HOSTS
    return bool(domain) and validate_host(domain, allowed)
