"""Flow control of one socket: how many bytes of events may be under way before the reader has drawn some."""

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
    """Frames are numbered from 1; an acknowledgement is cumulative.

    At most `size` bytes are unacknowledged, except that a single larger frame may go when nothing else is under way.
    """

    def __init__(self, size: int = BYTES, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._in_flight = 0
        # A deque would take ten times as much where nothing is under way.
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
        """Seconds since the reader last acknowledged something, or 0 while nothing is under way."""
        return self._clock() - self._moved_at if self._frames else 0.0

    async def opened(self) -> None:
        """Wait until anything may be sent."""
        while not self.is_open:
            await self._change()

    def take_now(self, size: int) -> int | None:
        """As `take`, if nobody has to wait."""
        if self._queue.locked() or (self._frames and self._in_flight + size > self._size):
            return None
        return self._count(size)

    async def take(self, size: int) -> int:
        """Wait until `size` bytes may be sent, and count them as a frame; returns its number.

        First come, first served: a large frame that waits for the window to empty is not overtaken for ever by small
        ones. The frame must be sent before anything is awaited, or numbers would leave out of order.
        """
        async with self._queue:
            while self._frames and self._in_flight + size > self._size:
                await self._change()
            frame = self._count(size)
        # Whoever found the window shut only because of the queue looks again.
        self._changed.set()
        return frame

    def acknowledge(self, frame: int) -> bool:
        """Frames up to this number are drawn. Whether that was news. Raises UnknownFrame."""
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
