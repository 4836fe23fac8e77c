"""How often a stream is read: a piece at a time costs a wake-up of everything behind it for each token."""

from __future__ import annotations

import asyncio
from typing import Final

# A reader sees a frame about as often; what arrives in between waits in the connection's buffer.
EVERY_SECONDS: Final = 0.04
# A model that fills this in one turn is fast: the next is there already.
FULL_BYTES: Final = 8 * 1024


class Pace:
    """Turns to read, `EVERY_SECONDS` apart once the text has begun. A slower model waits for nothing."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next_turn = 0.0

    async def turn(self) -> None:
        wait = self._next_turn - self._loop.time()
        if wait > 0:
            await asyncio.sleep(wait)

    def read(self, size: int) -> None:
        """So many bytes of the text were read just now."""
        self._next_turn = self._loop.time() + EVERY_SECONDS if size < FULL_BYTES else 0.0
