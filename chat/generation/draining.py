"""Connection draining at shutdown: readers are sent to other processes, spread over time, and none too early."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from chat.protocol.errors import ApiError

T = TypeVar("T")

SPREAD_SECONDS: Final = 2.0
# Clients reconnect spread over this time, so that the process that takes them over is not overloaded.
RETRY_MS: Final = 5000
# Time to send readers the rest after the last run has ended.
FAREWELL_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.05


class Draining:
    """Call `begin`, then `end`. `is_shared`: whether other processes can serve the runs written here.

    If so, readers leave right away, each at a random moment within two seconds. If not, only this process has what
    they read, so they stay until they have read it, or until `end`.
    """

    def __init__(self, *, is_shared: bool) -> None:
        self._is_shared = is_shared
        self._begun = asyncio.Event()
        self._ended = asyncio.Event()
        self._spread = SPREAD_SECONDS

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def begin(self, seconds: float) -> None:
        """Accept nothing new from now on. `seconds`: how long draining may take."""
        self._spread = min(seconds, SPREAD_SECONDS)
        self._begun.set()

    def end(self) -> None:
        """No run is written here any more: the remaining readers leave now."""
        self._begun.set()
        self._ended.set()

    def check(self) -> None:
        """Raise ApiError `draining` once draining has begun."""
        if self.has_begun:
            raise draining()

    async def departure(self, is_idle: Callable[[], bool]) -> None:
        """Return when a reader should leave. `is_idle`: whether it has been sent everything available so far."""
        await self._begun.wait()
        if not self._is_shared:
            await self._until_idle(is_idle)
        with suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0, self._spread)):  # noqa: S311
                await self._ended.wait()

    async def unless_ended(self, work: Awaitable[T]) -> T:
        """The result of work that waits for a run. Raises ApiError `draining` if the run continues elsewhere."""
        working, ending = asyncio.ensure_future(work), asyncio.ensure_future(self._ended.wait())
        try:
            either: list[asyncio.Future[Any]] = [working, ending]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not (working.done() or self._is_shared):
                await asyncio.wait([working], timeout=FAREWELL_SECONDS)
            if not working.done():
                raise draining()
            return working.result()
        finally:
            working.cancel()
            ending.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)

    async def _until_idle(self, is_idle: Callable[[], bool]) -> None:
        # Polling: many things make a reader idle, and this runs only at shutdown.
        while not (self._ended.is_set() or is_idle()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while not is_idle():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)


def draining() -> ApiError:
    return ApiError("draining", "The server is restarting. Try again in a moment.", retry_after=1)


def retry_ms() -> int:
    """A random delay before a client that is sent away reconnects, in milliseconds."""
    return random.randint(0, RETRY_MS)  # noqa: S311
