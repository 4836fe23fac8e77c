"""Who can reach the site, as far as its settings tell."""

from __future__ import annotations

from ipaddress import ip_address


def is_local(*names: str) -> bool:
    """Whether all of these hosts, as in HOST or ALLOWED_HOSTS, are this machine and nothing else."""
    return all(_is_local(name.strip("[]").lower().rstrip(".")) for name in names)


def _is_local(name: str) -> bool:
    if name.removeprefix(".") == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
