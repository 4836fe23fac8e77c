"""The end of a server process as its readers see it: sent elsewhere, a few at a time, and none before its time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from chat.protocol.errors import ApiError

T = TypeVar("T")

SPREAD_SECONDS: Final = 2.0
# Clients that are told to come back do so spread over this time: the process that takes them all is not overrun.
RETRY_MS: Final = 5000
# For what the readers have not been sent yet when the last run has ended.
FAREWELL_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.05


class Draining:
    """`begin`, then `end`. `is_shared`: whether other processes serve the runs that are written here.

    Then the readers may go at once, each at a random moment within two seconds. Otherwise nobody else has what they
    read: they stay until they have read it, or until the end.
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
        """From now on nothing new begins. `seconds`: how long it may take."""
        self._spread = min(seconds, SPREAD_SECONDS)
        self._begun.set()

    def end(self) -> None:
        """No run is written here any more: whoever is still reading goes now."""
        self._begun.set()
        self._ended.set()

    def check(self) -> None:
        """Raises ApiError draining."""
        if self.has_begun:
            raise draining()

    async def departure(self, is_idle: Callable[[], bool]) -> None:
        """Return when a reader is to be sent away. `is_idle`: it has been sent all there is for it, at the moment."""
        await self._begun.wait()
        if not self._is_shared:
            await self._until_idle(is_idle)
        with suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0, self._spread)):  # noqa: S311
                await self._ended.wait()

    async def unless_ended(self, work: Awaitable[T]) -> T:
        """The result of what waits for a run. Raises ApiError draining if the run goes on elsewhere."""
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
        # Many things make a reader idle, and this is asked only at the end: to look is simpler than to be told.
        while not (self._ended.is_set() or is_idle()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while not is_idle():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)


def draining() -> ApiError:
    return ApiError("draining", "The server is being restarted. Try again in a moment.", retry_after=1)


def retry_ms() -> int:
    """When a client that is sent away is asked to come back."""
    return random.randint(0, RETRY_MS)  # noqa: S311
