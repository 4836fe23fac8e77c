"""python -m tests.faults.bully PORT TOKEN SESSION CONVERSATION: one user abuses the site in every way at once.

Runs in a separate process at low priority, because a real attacker has a machine of their own. Runs until SIGTERM,
then prints as JSON what succeeded and what was refused.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.faults.hoard import WORDS

# How soon an impatient client tries again.
AGAIN_SECONDS: Final = 0.05
# Requests and handshakes together. The deployed nginx lets no more through from one address (deploy/nginx.conf):
# stopping a flood of connections is not the server's job.
PER_SECOND: Final = 50
SOCKETS: Final = 12
FRAMES_PER_SECOND: Final = 50
CONNECTIONS: Final = 300
AT_ONCE: Final = 4


@dataclass
class Tally:
    """Counts by action. The keys of `refused` include the status or the close code."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, what: str, status: int) -> None:
        if status < 400:
            self.done[what] += 1
        else:
            self.refused[f"{what} {status}"] += 1

    def __str__(self) -> str:
        return f"done: {dict(sorted(self.done.items()))}, refused: {dict(sorted(self.refused.items()))}"


@dataclass
class Bully:
    url: str
    token: str
    session: str
    huge: str
    http: aiohttp.ClientSession
    tally: Tally
    next_at: float = 0.0

    async def run(self) -> None:
        """Run until cancelled."""
        search = urlencode({"q": " ".join(WORDS), "limit": 200})
        messages = f"/api/conversations/{self.huge}/messages"
        everything: list[Callable[[], Awaitable[None]]] = [
            *[self._asks("search", f"/api/search?{search}")] * AT_ONCE,
            *[self._asks("search of a letter", "/api/search?q=a&limit=200")] * AT_ONCE,
            *[self._asks("messages", f"{messages}?limit=200")] * AT_ONCE,
            *[self._asks("branch", f"{messages}?branch=active&limit=200")] * AT_ONCE,
            *[self._opens_the_page] * 2,
            *[self._sends] * 2,
            *[self._floods] * SOCKETS,
            *[self._holds_a_socket] * CONNECTIONS,
            *[self._holds_a_stream] * CONNECTIONS,
        ]
        await asyncio.gather(*(self._over_and_over(act) for act in everything))

    async def _over_and_over(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._may_ask()
            with suppress(
                *(aiohttp.ClientError, TimeoutError, OSError, ConnectionClosed, InvalidHandshake, InvalidMessage)
            ):
                await act()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _may_ask(self) -> None:
        """Wait until PER_SECOND allows another request."""
        now = asyncio.get_running_loop().time()
        self.next_at = max(now, self.next_at + 1 / PER_SECOND)
        await asyncio.sleep(self.next_at - now)

    def _asks(self, what: str, path: str) -> Callable[[], Awaitable[None]]:
        async def ask() -> None:
            async with self.http.get(f"{self.url}{path}") as response:
                await response.read()
            self.tally.note(what, response.status)

        return ask

    async def _opens_the_page(self) -> None:
        """Like a browser, with a cookie instead of the token."""
        headers = {"Authorization": "", "Cookie": f"sessionid={self.session}"}
        async with self.http.get(f"{self.url}/c/{self.huge}", headers=headers) as response:
            await response.read()
        self.tally.note("page", response.status)

    async def _sends(self) -> None:
        body = {"text": "/hello " + "x" * 90_000}
        async with self.http.post(f"{self.url}/api/runs", json=body) as response:
            await response.read()
        self.tally.note("send", response.status)

    async def _floods(self) -> None:
        """Each frame names a run that does not exist, so that the server has to look for it."""
        async with self._socket() as connection:
            await connection.recv()
            try:
                while True:
                    frame = {"type": "subscribe", "ref": 1, "run_id": str(uuid.uuid4())}
                    await connection.send(json.dumps(frame))
                    self.tally.note("frame", 101)
                    await asyncio.sleep(1 / FRAMES_PER_SECOND)
            except ConnectionClosed:
                self.tally.note("flood", connection.close_code or 499)

    async def _holds_a_socket(self) -> None:
        async with self._socket() as connection:
            self.tally.note("socket", 101)
            async for _ in connection:
                """It only listens."""
            if connection.close_code:
                self.tally.note("socket", connection.close_code)

    async def _holds_a_stream(self) -> None:
        async with self.http.get(f"{self.url}/api/events", timeout=aiohttp.ClientTimeout()) as response:
            self.tally.note("stream", response.status)
            async for _ in response.content.iter_any():
                """It only listens."""

    def _socket(self) -> Any:
        return connect(
            f"{self.url.replace('http', 'ws', 1)}/ws/chat",
            additional_headers={"Authorization": f"Bearer {self.token}"},
            compression=None,
            proxy=None,
            open_timeout=30,
            close_timeout=1,
        )


async def main(port: str, token: str, session: str, huge: str) -> None:
    tally = Tally()
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=60), headers=headers
    ) as http:
        bully = Bully(f"http://127.0.0.1:{port}", token, session, huge, http, tally)
        running = asyncio.create_task(bully.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        with suppress(asyncio.CancelledError):
            await running
    json.dump({"done": tally.done, "refused": tally.refused}, sys.stdout)


if __name__ == "__main__":
    os.nice(10)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(*sys.argv[1:]))
