"""Who can reach the site, as far as its settings tell."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address


def is_local(*names: str) -> bool:
    """Whether all of these hosts, as in HOST or ALLOWED_HOSTS, are this machine and nothing else."""
    return all(_is_local(name.strip("[]").lower().rstrip(".")) for name in names)


def is_open_to_others(
    *, host: str, bind: str, published: Iterable[str], names: Iterable[str], https: bool, proxies: int
) -> bool:
    """Whether anybody but this machine can reach the site, or is meant to.

    - Where a server listens (`host`) counts, and so does where something in front of it does (`bind`): neither
      outweighs the other. A proxy on 127.0.0.1 closes no server that listens on 0.0.0.0 beside it.
    - HTTPS, and proxies that are counted, are there for others: nobody needs them for this machine alone.
    - So are `names` that are not this machine's (of ALLOWED_HOSTS, CHAT_URL and TRUSTED_ORIGINS).
    - In a container a server listens on every address, behind a proxy that belongs to it: `published` says which
      addresses lead into it, from outside, and stands in for `host` and `proxies`. docker-compose.yml sets it from
      CHAT_BIND and CHAT_PROXY; on a machine without containers it is empty.
    """
    inside = list(published) or [host]
    in_front = [bind] if bind else []
    is_proxied = proxies > 0 and not published
    return https or is_proxied or not is_local(*inside, *in_front, *names)


def is_behind_unknown_proxy(*, host: str, bind: str, names: Iterable[str], https: bool, proxies: int) -> bool:
    """Whether others come through a proxy on this machine that `proxies` does not count, by all that settings tell.

    What speaks HTTPS is a proxy, and so is what leads others to a server that listens on this machine only. The
    address of whoever connects, 127.0.0.1, is then the proxy's.
    """
    is_meant_for_others = not is_local(*([bind] if bind else []), *names)
    return proxies == 0 and (https or (is_local(host) and is_meant_for_others))


def _is_local(name: str) -> bool:
    if name.removeprefix(".") == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
