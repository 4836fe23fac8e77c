"""Matches an IP address against the networks of a setting."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address


def is_within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether the address is in one of the networks. False for anything else, such as the peer of a Unix socket."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return is_within(str(found.ipv4_mapped), networks)
    return any(found in network for network in networks)
