from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from chatsite.reach import is_local

EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


def local_url(host: str, port: int) -> str:
    """The URL for a browser on this machine to reach a server that listens there."""
    name = "localhost" if host in EVERY_ADDRESS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def default_url(host: str, port: int, allowed_hosts: Iterable[str], *, https: bool) -> str:
    """The site's probable public URL. With HTTPS: its first public name and the default port."""
    public = [name.lstrip(".") for name in allowed_hosts if name != "*" and not is_local(name)]
    return f"https://{public[0]}" if https and public else local_url(host, port)


def sub_path(url: str) -> str:
    """The site's path prefix without a trailing slash; empty for a site at the root of its host."""
    return urlsplit(url).path.rstrip("/")


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
