"""What the site's cookies are called: a browser sends them to every port of a host, and to every path below theirs."""

from __future__ import annotations

import re
from typing import Final

# What a cookie's name may consist of here (RFC 6265 allows more).
PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,64}")


def default_prefix(sub_path: str) -> str:
    """Two sites on one host are told apart by their sub-paths, if they have one."""
    words = re.findall(r"[A-Za-z0-9]+", sub_path)
    return "".join(f"{word}_" for word in words)[:64]


def security_prefix(*, https: bool, path: str) -> str:
    """Over HTTPS a browser takes the name from this very host alone, over HTTPS: no other name below the same domain
    can set one in its place (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes).
    `__Host-` demands the path of the whole host.
    """
    if not https:
        return ""
    return "__Host-" if path == "/" else "__Secure-"
