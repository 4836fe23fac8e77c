from __future__ import annotations

from typing import Final

EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


def local_url(host: str, port: int) -> str:
    """Where a browser on this machine finds a server that listens there."""
    name = "localhost" if host in EVERY_ADDRESS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
