"""Access to `/metrics`, as far as request headers decide it."""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address

from django.http.request import split_domain_port, validate_host

from chatsite.reach import is_local


def has_token(authorization: str, expected: str) -> bool:
    """Whether an `Authorization` header has the expected bearer token. False if `expected` is empty."""
    scheme, _, token = authorization.partition(" ")
    return bool(expected) and scheme.lower() == "bearer" and compare_digest(token.strip().encode(), expected.encode())


def names_an_address(host: str) -> bool:
    """Whether a `Host` header is an IP address or a local name, as from a client that calls the server directly.

    It cannot come from a DNS rebinding attack, whose page has a host name of its own.
    """
    domain, _ = split_domain_port(host)
    try:
        ip_address(domain.removeprefix("[").removesuffix("]"))
    except ValueError:
        return bool(domain) and is_local(domain)
    return True


def names_the_site(host: str, allowed_hosts: list[str]) -> bool:
    """Whether a `Host` header is one of the site's names. A "*" in `allowed_hosts` is ignored."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, [name for name in allowed_hosts if name != "*"])
