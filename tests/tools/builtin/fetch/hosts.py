"""Hosts that must not be reached, in every notation that some program understands."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

PRIVATE: Final = (
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "100.64.0.1", "168.63.129.16", "192.0.0.192"),
    *("198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
)
PRIVATE_6: Final = (
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "100::1", "2001:db8::1", "3fff::1"),
    *("5f00::1", "64:ff9b:1::1", "2001::1", "2001:10::1", "3ffe::1", "fe80::1%lo", "::1%1"),
)
PUBLIC: Final = (
    *("1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"),
    *("169.253.1.1", "192.0.1.1", "198.17.1.1", "198.20.0.1", "223.255.255.255", "168.63.129.15"),
    *("2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:830::200e", "2400:cb00::1"),
    # Public IPv4 addresses inside IPv6.
    *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2a00::5efe:808:808"),
)


def notations(dotted: str) -> Iterator[str]:
    """An IPv4 address in the notations that `inet_aton` and URL parsers read."""
    number = int(IPv4Address(dotted))
    a, b, c, d = dotted.split(".")
    one, two, three, four = map(int, (a, b, c, d))
    yield dotted
    yield f"{dotted}."
    yield str(number)
    yield f"{number:#x}"
    yield f"{number:#X}".replace("0X", "0X000")
    yield f"0{number:o}"
    yield ".".join(f"{each:#x}" for each in (one, two, three, four))
    yield ".".join(f"0{each:o}" for each in (one, two, three, four))
    yield ".".join(f"00000{each:o}" for each in (one, two, three, four))
    yield f"{a}.{two << 16 | three << 8 | four}"
    yield f"{a}.{b}.{three << 8 | four}"
    yield f"{one:#x}.{b}.0{three:o}.{d}"
    yield dotted.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    yield dotted.translate(str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨"))
    yield dotted.replace(".", "。")
    yield "".join(f"%{ord(each):02x}" for each in dotted)


def wrapped(dotted: str) -> Iterator[str]:
    """IPv6 addresses that map to an IPv4 address, or used to."""
    number = int(IPv4Address(dotted))
    high, low = number >> 16, number & 0xFFFF
    yield f"::ffff:{dotted}"
    yield f"::ffff:{high:x}:{low:x}"
    yield f"0:0:0:0:0:ffff:{high:x}:{low:x}"
    yield f"::{dotted}" if number > 1 else "::2"
    yield f"::ffff:0:{dotted}"
    yield f"64:ff9b::{dotted}"
    yield f"64:ff9b:1::{dotted}"
    yield f"2002:{high:x}:{low:x}::1"
    yield f"2002:{high:x}:{low:x}::{high:x}:{low:x}"
    yield f"2001:0:{high:x}:{low:x}::1"
    yield f"2001:0:808:808::{~high & 0xFFFF:x}:{~low & 0xFFFF:x}"
    yield f"2a00::5efe:{high:x}:{low:x}"
    yield f"2a00::200:5efe:{high:x}:{low:x}"
    yield f"2002:808:808::5efe:{high:x}:{low:x}"


def every_host() -> list[str]:
    """The private hosts as written in a URL, with IPv6 in brackets."""
    found = [each for dotted in PRIVATE for each in notations(dotted)]
    found += [f"[{each}]" for dotted in PRIVATE for each in wrapped(dotted)]
    found += [f"[{each.replace('%', '%25')}]" for each in PRIVATE_6]
    return list(dict.fromkeys(found))
