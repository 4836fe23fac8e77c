"""Who may read `/metrics`, as far as a request's own words tell."""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address

from django.http.request import split_domain_port, validate_host

from chatsite.reach import is_local


def has_token(authorization: str, expected: str) -> bool:
    """Whether an `Authorization` header is the right bearer token. Without one that is expected, none is."""
    scheme, _, token = authorization.partition(" ")
    return bool(expected) and scheme.lower() == "bearer" and compare_digest(token.strip().encode(), expected.encode())


def names_an_address(host: str) -> bool:
    """Whether a `Host` header is an IP address or this machine's name, as of a client that asks a server directly.

    No page has such an address whose name leads here for the attack alone (DNS rebinding): it would be the site's own.
    """
    domain, _ = split_domain_port(host)
    try:
        ip_address(domain.removeprefix("[").removesuffix("]"))
    except ValueError:
        return bool(domain) and is_local(domain)
    return True


def names_the_site(host: str, allowed_hosts: list[str]) -> bool:
    """Whether a `Host` header is one that the site is open by. That any will do ("*") names nothing."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, [name for name in allowed_hosts if name != "*"])
