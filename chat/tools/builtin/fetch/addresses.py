"""Which addresses are public.

`ipaddress.is_global` is not enough: it accepts NAT64, 6to4 and multicast addresses, and one of a cloud's metadata. Of
IPv6, only 2000::/3 is the internet (https://www.iana.org/assignments/ipv6-unicast-address-assignments).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry, with multicast (224.0.0.0/4), and the virtual address of
# Azure's host (168.63.129.16). Amazon, Google, Oracle: 169.254.169.254; Alibaba: 100.100.100.200.
_SPECIAL_4: Final = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        ),
    )
)
_UNICAST_6: Final = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry. 2001::/23 contains Teredo and ORCHID.
_SPECIAL_6: Final = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"))
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_6TO4: Final = IPv6Network("2002::/16")
# The middle of an ISATAP address (RFC 5214), before its IPv4 address.
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)
_32_BITS: Final = 0xFFFF_FFFF


def parse(text: str) -> Address | None:
    """None for what is no address, also for one with a zone: those are links of this machine."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def may_reach(address: Address, networks: Iterable[Network] = ()) -> bool:
    """Whether it is public or in one of the networks, and so is every IPv4 address that it contains."""
    if not all(may_reach(each, networks) for each in embedded(address)):
        return False
    return (
        _is_translated(address)
        or is_public(address)
        or any(address in network for network in networks if network.version == address.version)
    )


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    return address in _UNICAST_6 and not any(address in network for network in _SPECIAL_6)


def embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address may lead to: mapped, by NAT64, by 6to4, by ISATAP."""
    if isinstance(address, IPv4Address):
        return []
    number = int(address)
    found = []
    if _is_translated(address) or number >> 32 & _32_BITS in _ISATAP:
        found.append(IPv4Address(number & _32_BITS))
    if address in _6TO4:
        found.append(IPv4Address(number >> 80 & _32_BITS))
    return found


def _is_translated(address: Address) -> bool:
    """Whether it is only another way to write an IPv4 address."""
    return address in _MAPPED or address in _NAT64
