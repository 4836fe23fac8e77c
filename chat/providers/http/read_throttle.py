"""How often a stream is read: a piece at a time costs a wake-up of everything behind it for each token."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import ClassVar, Final, Protocol, Self

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


class ReadThrottle:
    """Turns to read, some time apart once the text has begun. A slower model waits for nothing.

    That time is EVERY_SECONDS, or with many streams in this process, each of which has entered its ReadThrottle, up to
    SELDOM_SECONDS. Between the turns the `connection` is paused: it would wake the process for every token.
    """

    _streams: ClassVar[int] = 0

    @classmethod
    def streams(cls) -> int:
        """How many are under way in this process."""
        return cls._streams

    def __init__(self, connection: Connection) -> None:
        self._loop = asyncio.get_running_loop()
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
        wait = self._next_turn - self._loop.time()
        if wait > 0:
            self._connection.pause()
            await asyncio.sleep(wait)
            self._connection.look()
        else:
            self._connection.resume()

    def read(self, size: int) -> None:
        """So many bytes of the text were read just now."""
        if size < FULL_BYTES:
            self._next_turn = next_turn(self._loop.time(), ReadThrottle._streams)
        else:
            self._next_turn = 0.0


def next_turn(now: float, streams: int) -> float:
    """When each of so many streams that was read at `now` is read again."""
    wait = min(max(EVERY_SECONDS, streams / TURNS_PER_SECOND), SELDOM_SECONDS)
    return round((now + wait) / TICK_SECONDS) * TICK_SECONDS
