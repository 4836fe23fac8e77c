"""Flow control of one socket: how many bytes of events may be in flight before the client has drawn them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from chat.light_event import LightEvent

BYTES: Final = 64 * 1024


class UnknownFrame(ValueError):
    """An acknowledgement of a frame that was never sent."""


class Window:
    """Frames are numbered from 1; acknowledgements are cumulative.

    At most `size` bytes are unacknowledged, except that a single larger frame may go when nothing else is in flight.
    """

    def __init__(self, size: int = BYTES, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._in_flight = 0
        # An empty deque would take ten times the memory.
        self._frames: list[tuple[int, int]] = []
        self._last = 0
        self._acknowledged = 0
        self._moved_at = clock()
        self._changed = LightEvent()
        self._queue = asyncio.Lock()

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def is_open(self) -> bool:
        return self._in_flight < self._size and not self._queue.locked()

    @property
    def waited(self) -> float:
        """Seconds since the client last acknowledged something, or 0 while nothing is in flight."""
        return self._clock() - self._moved_at if self._frames else 0.0

    async def opened(self) -> None:
        """Wait until the window is open."""
        while not self.is_open:
            await self._change()

    def take_now(self, size: int) -> int | None:
        """Like `take`, but returns None instead of waiting."""
        if self._queue.locked() or (self._frames and self._in_flight + size > self._size):
            return None
        return self._count(size)

    async def take(self, size: int) -> int:
        """Wait until `size` bytes may be sent, count them as a frame and return its number.

        First come, first served, so that small frames cannot starve a large one. The caller must send the frame
        before it awaits anything else, or frames would leave out of order.
        """
        async with self._queue:
            while self._frames and self._in_flight + size > self._size:
                await self._change()
            frame = self._count(size)
        # Wakes tasks that found the window closed only because of the queue.
        self._changed.set()
        return frame

    def acknowledge(self, frame: int) -> bool:
        """Record that frames up to this number are drawn; returns whether that was new. Raises UnknownFrame."""
        if frame > self._last or frame < 0:
            raise UnknownFrame(frame)
        if frame <= self._acknowledged:
            return False
        self._acknowledged = frame
        self._moved_at = self._clock()
        while self._frames and self._frames[0][0] <= frame:
            self._in_flight -= self._frames.pop(0)[1]
        self._changed.set()
        return True

    def _count(self, size: int) -> int:
        if not self._frames:
            self._moved_at = self._clock()
        self._last += 1
        self._in_flight += size
        self._frames.append((self._last, size))
        return self._last

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
