"""Who can reach the site, as far as its settings tell."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address


def is_local(*names: str) -> bool:
    """Whether all of these hosts, as in HOST or ALLOWED_HOSTS, mean only this machine."""
    return all(_is_local(name.strip("[]").lower().rstrip(".")) for name in names)


def is_open_to_others(
    *, host: str, bind: str, published: Iterable[str], names: Iterable[str], https: bool, proxies: int
) -> bool:
    """Whether other machines can reach the site, or are meant to.

    - Both count: the address where the server listens (`host`), and where a proxy in front of it does (`bind`). A
      proxy on 127.0.0.1 does not protect a server that listens on 0.0.0.0.
    - HTTPS and configured proxies mean that the site is for others: a site for this machine only does not need them.
    - So do `names` that are not this machine's (from ALLOWED_HOSTS, CHAT_URL and TRUSTED_ORIGINS).
    - In a container, the server listens on every address, behind a proxy of its own. Then `published`, the addresses
      that lead into the container, replaces `host` and `proxies`. docker-compose.yml sets it from CHAT_BIND and
      CHAT_PROXY; without containers it is empty.
    """
    inside = list(published) or [host]
    in_front = [bind] if bind else []
    is_proxied = proxies > 0 and not published
    return https or is_proxied or not is_local(*inside, *in_front, *names)


def is_behind_unknown_proxy(*, host: str, bind: str, names: Iterable[str], https: bool, proxies: int) -> bool:
    """Whether the settings imply a proxy on this machine that `proxies` does not count.

    HTTPS implies a proxy, and so does a site for others whose server listens only on this machine. The peer address
    127.0.0.1 is then the proxy's.
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
