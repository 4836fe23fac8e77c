"""How often a stream is read: a piece at a time costs a wake-up of everything behind it for each token."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import ClassVar, Final, Protocol, Self
from weakref import WeakKeyDictionary

# A reader sees a frame about as often; what arrives in between waits in the connection's buffer.
EVERY_SECONDS: Final = 0.04
# So many streams that these turns would keep the process busy are read less often, but no less often than that.
TURNS_PER_SECOND: Final = 2000
SELDOM_SECONDS: Final = 0.1
# Turns fall on the ticks of one clock, so that many streams wake the process once, and find its caches warm.
TICK_SECONDS: Final = 0.02
# A model that fills this in one turn is fast: the next is there already.
FULL_BYTES: Final = 8 * 1024


class Connection(Protocol):
    """What is told not to take from the network what nobody will look at yet."""

    def pause(self) -> None: ...

    def look(self) -> None:
        """Take what has come since the pause; resumes if that is nothing."""

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


class Pace:
    """Turns to read, some time apart once the text has begun. A slower model waits for nothing.

    That time is EVERY_SECONDS, or with many streams in this process, each of which has entered its Pace, up to
    SELDOM_SECONDS. Between the turns the `connection` is paused: it would wake the process for every token.
    """

    _streams: ClassVar[int] = 0

    @classmethod
    def streams(cls) -> int:
        """How many are under way in this process."""
        return cls._streams

    def __init__(self, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
        self._ticks = Ticks.of_this_loop()
        self._connection = connection
        self._next_turn = 0.0

    def __enter__(self) -> Self:
        Pace._streams += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        Pace._streams -= 1

    async def turn(self) -> None:
        if self._next_turn > self._loop.time():
            self._connection.pause()
            await self._ticks.reached(self._loop, self._next_turn)
            self._connection.look()
        else:
            self._connection.resume()

    def read(self, size: int) -> None:
        """So many bytes of the text were read just now."""
        if size < FULL_BYTES:
            self._next_turn = next_turn(self._loop.time(), Pace._streams)
        else:
            self._next_turn = 0.0


def next_turn(now: float, streams: int) -> float:
    """When each of so many streams that was read at `now` is read again."""
    wait = min(max(EVERY_SECONDS, streams / TURNS_PER_SECOND), SELDOM_SECONDS)
    return round((now + wait) / TICK_SECONDS) * TICK_SECONDS
