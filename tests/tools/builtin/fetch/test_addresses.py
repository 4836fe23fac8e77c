from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from chat.tools.builtin.fetch.addresses import may_reach, parse
from tests.tools.builtin.fetch.hosts import PRIVATE, PRIVATE_6, PUBLIC, wrapped


@pytest.mark.parametrize("address", [*PRIVATE, *(each for each in PRIVATE_6 if "%" not in each)])
def test_private_addresses_may_not_be_reached(address: str) -> None:
    assert not may_reach(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert may_reach(ip_address(address))


@pytest.mark.parametrize("dotted", PRIVATE)
def test_ipv6_leads_to_no_private_address(dotted: str) -> None:
    for address in wrapped(dotted):
        assert not may_reach(ip_address(address)), address


def test_an_allowed_network_may_be_reached_in_any_notation() -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/64"))
    for allowed in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::1", "fd00::1", "8.8.8.8"):
        assert may_reach(ip_address(allowed), networks), allowed
    for other in ("10.2.0.1", "::ffff:10.2.0.1", "2002:a02:1::1", "::10.1.2.3", "fd00:0:0:1::1", "fd00::5efe:7f00:1"):
        assert not may_reach(ip_address(other), networks), other


def test_ipv4_addresses_private_in_python_are_private() -> None:
    """Checks one address in every seventh /16: our list is stricter than Python's, never laxer."""
    for high in range(0, 2**16, 7):
        address = ip_address((high << 16) + 1)
        assert not may_reach(address) or address.is_global, address


@pytest.mark.parametrize("text", ["", "localhost", "fe80::1%eth0", "1.2.3", "01.2.3.4", "::1%0"])
def test_an_invalid_address_is_none(text: str) -> None:
    assert parse(text) is None
