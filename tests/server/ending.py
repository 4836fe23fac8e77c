"""A site that is watched while it shuts down."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.faults.client import Socket
from tests.faults.processes import END_SECONDS, POLL_SECONDS, Site, Upstream
from tests.members import Member

SECONDS: Final = 90.0
# From the drain limit to the exit of the process, on a machine that is busy with other tests. A process that hangs
# never exits.
ENDING_SECONDS: Final = 50.0


class EndingSite(Site):
    """`command`: run instead of `manage.py serve`; `{port}` is replaced by the port."""

    def __init__(
        self,
        data_dir: Path,
        cast: dict[str, Member],
        *,
        command: tuple[str, ...] = ("manage.py", "serve"),
        **variables: str,
    ) -> None:
        self._arguments = command
        super().__init__(data_dir, cast, **variables)

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.servers[0].signal(number)

    async def exit_code(self, *, seconds: float = END_SECONDS) -> int:
        """Wait until the process exits."""
        return await asyncio.to_thread(self.servers[0].wait, seconds)

    @property
    def pid(self) -> int:
        return self.servers[0].pid

    def _command(self, port: int) -> Sequence[str]:
        return [sys.executable, *(part.format(port=port) for part in self._arguments)]

    async def stops_listening(self) -> None:
        await until(lambda: not self._takes_connections())

    def _takes_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS).close()
        except ConnectionRefusedError:
            return False
        return True


async def until(condition: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        await asyncio.sleep(POLL_SECONDS)


async def asked(upstream: Upstream, prompt: str, *, times: int) -> None:
    """Wait until the model has received this prompt this many times."""
    async with asyncio.timeout(SECONDS):
        while len(await asyncio.to_thread(upstream.exchanges, prompt)) < times:
            await asyncio.sleep(POLL_SECONDS)


async def sent_away(reader: Socket) -> None:
    """Check that the reader is told to reconnect, and then the socket is closed."""
    assert await reader.closed() == 4412
    assert reader.bye is not None
    assert reader.bye["code"] == 4412
    assert 0 <= reader.bye["retry_ms"] <= 5000
    reader.check()
