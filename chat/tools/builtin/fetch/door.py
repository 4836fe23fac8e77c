"""Opens sockets to permitted addresses only."""

from __future__ import annotations

import asyncio
import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from chat.tools.builtin.fetch.addresses import Network, may_reach, parse

# Threads of our own: names whose server does not answer must not hold up those that the rest of the process looks up.
_lookups: Final = ThreadPoolExecutor(4, thread_name_prefix="fetch-dns")


class Door:
    """Makes the sockets of one request (`socket_factory` of aiohttp's connector): the address is the one it connects
    to. `has_refused`: whether any of them was not permitted."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = networks
        self.has_refused = False

    def __call__(self, info: Any) -> socket.socket:
        """Raises PermissionError."""
        family, kind, protocol, _, where = info
        address = parse(where[0]) if family in {socket.AF_INET, socket.AF_INET6} else None
        has_zone = len(where) > 3 and where[3] != 0
        if address is None or has_zone or not may_reach(address, self._networks):
            self.has_refused = True
            raise PermissionError(errno.EACCES, "this address may not be reached")
        return socket.socket(family=family, type=kind, proto=protocol)


class Resolver(AbstractResolver):
    """The system's."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(_lookups, look)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """There is nothing to close."""
