"""Limits how often a stream is read: reading every token separately would wake up everything behind it each time."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import ClassVar, Final, Protocol, Self
from weakref import WeakKeyDictionary

# Readers get a frame about as often. Bytes that arrive in between wait in the connection's buffer.
EVERY_SECONDS: Final = 0.04
# With more streams than this many turns per second allow, each is read less often, up to SELDOM_SECONDS.
TURNS_PER_SECOND: Final = 2000
SELDOM_SECONDS: Final = 0.1
# Turns are aligned to ticks, so that many streams share one wake-up and find the CPU caches warm.
TICK_SECONDS: Final = 0.02
# A model that sends this much in one turn is fast: the next bytes have already arrived.
FULL_BYTES: Final = 8 * 1024


class Connection(Protocol):
    """A connection whose reading can be paused."""

    def pause(self) -> None: ...

    def look(self) -> None:
        """Read what has arrived since the pause, or resume if nothing has."""

    def resume(self) -> None: ...


class Ticks:
    """The clock of one event loop, on whose ticks streams wait: one timer for all of a tick.

    A timer of each stream's own would cost more than all that its turn reads.
    """

    _of_loops: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Ticks]] = WeakKeyDictionary()

    @classmethod
    def of_this_loop(cls) -> Ticks:
        loop = asyncio.get_running_loop()
        ticks = cls._of_loops.get(loop)
        if ticks is None:
            ticks = cls._of_loops[loop] = cls()
        return ticks

    def __init__(self) -> None:
        self._waiting: dict[float, list[asyncio.Future[None]]] = {}

    async def reached(self, loop: asyncio.AbstractEventLoop, tick: float) -> None:
        """Return at this time of the loop."""
        waiting = self._waiting.get(tick)
        if waiting is None:
            waiting = self._waiting[tick] = []
            loop.call_at(tick, self._ring, tick)
        future = loop.create_future()
        waiting.append(future)
        await future

    def _ring(self, tick: float) -> None:
        for future in self._waiting.pop(tick):
            # One that is cancelled waits no more.
            if not future.done():
                future.set_result(None)


class ReadThrottle:
    """Spaces out the reads of a stream once its text has begun. Never delays a model that is slower than that.

    The interval is EVERY_SECONDS, or up to SELDOM_SECONDS with many streams in this process (those inside a `with`
    block). Between turns the `connection` is paused: otherwise it would wake up the process for every token.
    """

    _streams: ClassVar[int] = 0

    @classmethod
    def streams(cls) -> int:
        """The number of active streams in this process."""
        return cls._streams

    def __init__(self, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._ticks = Ticks.of_this_loop()
        self._connection = connection
        self._next_turn = 0.0

    def __enter__(self) -> Self:
        ReadThrottle._streams += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ReadThrottle._streams -= 1

    async def turn(self) -> None:
        if self._next_turn > self._loop.time():
            self._connection.pause()
            await self._ticks.reached(self._loop, self._next_turn)
            self._connection.look()
        else:
            self._connection.resume()

    def read(self, size: int) -> None:
        """Record that `size` bytes of text were just read."""
        if size < FULL_BYTES:
            self._next_turn = next_turn(self._loop.time(), ReadThrottle._streams)
        else:
            self._next_turn = 0.0


def next_turn(now: float, streams: int) -> float:
    """The time of the next read of a stream that was read at `now`, with this many active streams."""
    wait = min(max(EVERY_SECONDS, streams / TURNS_PER_SECOND), SELDOM_SECONDS)
    return round((now + wait) / TICK_SECONDS) * TICK_SECONDS
