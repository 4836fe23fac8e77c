"""Names of the site's cookies. Browsers send cookies to all ports of a host and to all paths below the cookie's."""

from __future__ import annotations

import re
from typing import Final

# Characters allowed in the prefix (RFC 6265 allows more).
PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,64}")


def default_prefix(sub_path: str) -> str:
    """A prefix made from the sub-path, so that two sites on one host do not share cookies."""
    words = re.findall(r"[A-Za-z0-9]+", sub_path)
    return "".join(f"{word}_" for word in words)[:64]


def security_prefix(*, https: bool, path: str) -> str:
    """The prefix that makes browsers accept the cookie only from this host, over HTTPS: no sibling domain can set it
    (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes). `__Host-` requires the
    path "/"; otherwise it is `__Secure-`. Empty without HTTPS.
    """
    if not https:
        return ""
    return "__Host-" if path == "/" else "__Secure-"
