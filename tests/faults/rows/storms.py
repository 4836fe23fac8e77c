"""Row R14: a server shuts down, and its sockets reconnect to the other one: spread out, and soon."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from websockets.exceptions import InvalidHandshake, InvalidMessage

from tests.faults.client import Socket, open_socket
from tests.faults.rows.footprint import POOL
from tests.faults.rows.rig import Rig, Trial

SOCKETS: Final = 1000
TOGETHER: Final = 25
# Like the page (reconnect_delay.js): first after a random part of this time, then after all of it.
WITHIN_SECONDS: Final = 5.0
BACK_SECONDS: Final = 30.0
PEAK_PER_SECOND: Final = 250
GREETED_SECONDS: Final = 60.0
# Kolmogorov-Smirnov test: of a thousand uniform samples, one deviates by more than 1.95 / √n.
UNEVEN: Final = 1.95


async def storm(rig: Rig, *, count: int = SOCKETS, owner: int | None = None) -> list[Trial]:
    """A trial for each disconnected socket, and one each for exit code, spread and database connections."""
    server = rig.site.servers[rig.chance.randrange(len(rig.site.servers)) if owner is None else owner]
    sockets: list[Socket] = []
    for first in range(0, count, TOGETHER):
        sockets += await asyncio.gather(*(_greeted(rig) for _ in range(min(TOGETHER, count - first))))
    server.signal(signal.SIGTERM)
    gone_at = time.monotonic()
    exiting = asyncio.create_task(asyncio.to_thread(server.exit_code))
    returns = [asyncio.create_task(_come_back(rig, socket)) for socket in sockets]
    exit_code = await exiting
    # The sockets of the other server stay connected.
    staying = [task for task, socket in zip(returns, sockets, strict=True) if socket.is_open]
    for task in staying:
        task.cancel()
    back = [await task for task in returns if task not in staying]
    connections = rig.site.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chatsite'")[0][0]
    sockets += [each.socket for each in back if each.socket is not None]
    await asyncio.gather(*(socket.abort() for socket in sockets))
    await asyncio.gather(*staying, return_exceptions=True)
    await asyncio.to_thread(server.start)
    return [
        Trial("exit", "" if exit_code == 0 else f"exit code {exit_code}"),
        spread(back),
        Trial("connections", "" if connections <= POOL else f"{connections} connections to PostgreSQL"),
        *(_of(each, gone_at) for each in back),
    ]


@dataclass
class Return:
    """`asked`: the delay in seconds that the server asked for, if any. `attempts`: when it tried to reconnect."""

    asked: float | None
    attempts: list[float] = field(default_factory=list)
    greeted_at: float = 0.0
    socket: Socket | None = None


async def _greeted(rig: Rig) -> Socket:
    socket = await open_socket(rig.site, rig.alice)
    async with asyncio.timeout(GREETED_SECONDS):
        await socket.hello
    return socket


async def _come_back(rig: Rig, socket: Socket) -> Return:
    """Wait until the server closes the socket, then reconnect."""
    await socket.closed(seconds=10 * BACK_SECONDS)
    returning = Return(socket.bye["retry_ms"] / 1000 if socket.bye is not None else None)
    wait = rig.chance.uniform(0, WITHIN_SECONDS) if returning.asked is None else returning.asked
    while not returning.greeted_at:
        await asyncio.sleep(wait)
        returning.attempts.append(time.monotonic())
        with suppress(OSError, EOFError, TimeoutError, InvalidHandshake, InvalidMessage):
            returning.socket = await _greeted(rig)
            returning.greeted_at = time.monotonic()
        wait = WITHIN_SECONDS
    return returning


def spread(back: Sequence[Return]) -> Trial:
    """Check that they reconnect evenly over the time they were given, and never too many in one second."""
    waits = sorted(each.asked for each in back if each.asked is not None)
    seconds = Counter(int(at) for each in back for at in each.attempts)
    peak = max(seconds.values(), default=0)
    uneven = max(
        (abs((rank + 0.5) / len(waits) - wait / WITHIN_SECONDS) for rank, wait in enumerate(waits)), default=1
    )
    note = f"{len(back)} came back, at most {peak} in one second, {uneven:.3f} from an even spread"
    is_good = len(waits) == len(back) > 0 and peak <= PEAK_PER_SECOND and uneven < UNEVEN / len(waits) ** 0.5
    return Trial("spread", "" if is_good else f"{note}; {len(waits)} were told when", note=note)


def _of(returned: Return, gone_at: float) -> Trial:
    seconds = returned.greeted_at - gone_at
    return Trial("a socket", seconds=seconds, late=seconds > BACK_SECONDS)
