"""Readers that reconnect by themselves and resume at their cursor, whatever happens to the servers.

Like the site's own page, they replace a connection that is refused, cut or silent by another one, after a short random
wait.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import aiohttp
from websockets.exceptions import InvalidHandshake, InvalidMessage

from tests.faults.client import Browser, Socket, open_socket
from tests.faults.processes import Site
from tests.faults.reading import Reading, Violation
from tests.members import Member

# The tests' sites send a heartbeat twice a second; the rest allows for a busy machine.
SILENT_SECONDS: Final = 12.0
CONNECT_SECONDS: Final = 30.0
WAIT_SECONDS: Final = (0.1, 0.5)
LOOK_SECONDS: Final = 0.25
FINAL_CLOSES: Final = frozenset({4400, 4401, 4403})


class Follower:
    """`connections`: how many it has opened so far. `troubles`: all that was not a regular end of a connection.

    `port`: of a proxy.
    """

    def __init__(self, site: Site, member: Member, http: aiohttp.ClientSession, *, port: int | None = None) -> None:
        self.port = port
        self.site = site
        self.member = member
        self.connections = 0
        self.troubles: list[str] = []
        self._browser = Browser(site, member, http)

    async def over_socket(self, reading: Reading) -> None:
        """Follow a run to its end."""
        while not reading.outcome:
            with self._troubled(OSError, EOFError, TimeoutError, InvalidHandshake, InvalidMessage):
                async with self._socket(reading) as connection:
                    reply = await connection.subscribe(reading)
                    if reply["type"] == "ok":
                        await _ended_or_silent(connection, reading)
                        if not reading.outcome and connection.bye is None:
                            self.troubles.append(f"closed with {connection.close_code}, without a bye")
                    elif not reply["retryable"]:
                        raise Violation(f"the run cannot be followed any more: {reply}")
            await _wait()

    async def over_sse(self, reading: Reading) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENT_SECONDS)
        while not reading.outcome:
            self.connections += 1
            with self._troubled(aiohttp.ClientError, TimeoutError, OSError):
                status = await self._browser.follow(reading, port=self.port, timeout=timeout)
                if status in {400, 401, 403, 404}:
                    raise Violation(f"the run cannot be followed any more: {status}")
                if status not in {200, 204}:
                    self.troubles.append(f"status {status}")
            await _wait()

    @contextmanager
    def _troubled(self, *errors: type[Exception]) -> Iterator[None]:
        try:
            yield
        except errors as error:
            self.troubles.append(f"{type(error).__name__}: {error}")

    @asynccontextmanager
    async def _socket(self, reading: Reading) -> AsyncIterator[Socket]:
        self.connections += 1
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await open_socket(self.site, self.member, readings={reading.run_id: reading}, port=self.port)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.hello
            try:
                yield connection
            except ConnectionError:
                # A request sent just as the server said bye gets no reply; it is repeated on the next connection.
                if connection.bye is None:
                    raise
        finally:
            await connection.abort()
            connection.check()
            if connection.close_code in FINAL_CLOSES:
                raise Violation(f"the socket was closed for good: {connection.close_code}")


async def _ended_or_silent(connection: Socket, reading: Reading) -> None:
    while connection.is_open and not reading.outcome:
        if time.monotonic() - connection.heard_at > SILENT_SECONDS:
            return
        with suppress(TimeoutError):
            await reading.until(lambda reading: bool(reading.outcome), seconds=LOOK_SECONDS)


async def _wait() -> None:
    await asyncio.sleep(random.uniform(*WAIT_SECONDS))
