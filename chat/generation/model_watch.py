"""Decides when to ask the model servers for their models: servers come and go while the site runs."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from django.db import Error as DatabaseError

from chat.providers.base import (
    EmptyAnswer,
    Incomplete,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    ToolCalled,
)

logger = logging.getLogger(__name__)

# How long startup waits for the model servers.
BEGIN_SECONDS: Final = 2.0
FIRST_WAIT_SECONDS: Final = 1.0
# The longest pause before polling an unreachable server again: it may be back any moment, and polling is cheap.
LONGEST_SILENCE_SECONDS: Final = 10.0
# The same for a server that responds but lists nothing usable: that needs a person to fix it.
LONGEST_WAIT_SECONDS: Final = 300.0
# How old the last result may be when a caller asks.
URGENT_SECONDS: Final = 1.0
UNSETTLED_SECONDS: Final = 5.0
SETTLED_SECONDS: Final = 60.0
# If all is well, callers wait no longer than this for a fresh result.
GLANCE_SECONDS: Final = 0.1
# Errors that prove the server is up.
_SIGNS_OF_LIFE: Final = (EmptyAnswer, Incomplete, QuotaExceeded, RateLimited, ToolCalled)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a provider; `error` has the message. `is_silent`: it is unreachable, but may be back soon."""

    provider: str
    error: ProviderError
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """The result of the last look.

    `is_settled`: a real model, not the demo, is available. `is_urgent`: a server that should respond does not.
    """

    problems: tuple[Problem, ...] = ()
    is_settled: bool = True
    is_urgent: bool = False


# Asks the servers and updates the assistants. The argument: whether a server seems to have failed. Raises
# django.db.Error.
Look = Callable[[bool], Awaitable[Outlook]]


async def _settled(_: bool) -> Outlook:
    return Outlook()


class ModelWatch:
    """Looks at startup, repeatedly while a server has a problem, and on demand. One look at a time.

    Belongs to one event loop.
    """

    def __init__(
        self,
        look: Look = _settled,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._sleep = sleep
        self._clock = clock
        self._outlook = Outlook()
        self._looked_at = clock()
        self._is_doubted = False
        self._is_outdated = False
        self._looking: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._outlook.problems

    @property
    def is_settled(self) -> bool:
        """Whether a model is available as far as is known, so that a message need not wait for a look."""
        return self._outlook.is_settled

    async def begin(self, *, seconds: float = BEGIN_SECONDS) -> None:
        """Look for the first time; if it takes longer, it continues in the background. Raises django.db.Error."""
        first = asyncio.ensure_future(self._look(False))
        await asyncio.wait([first], timeout=seconds)
        if first.done():
            self._take(first.result())
        else:
            self._outlook = Outlook(is_settled=False)
            self._start_looking(first)

    async def ask(self, *, seconds: float) -> None:
        """Look again if the last result is too old, and wait for it for at most `seconds`. Never raises."""
        self._look_if_due()
        if looking := self._under_way():
            patience = min(seconds, GLANCE_SECONDS) if self._is_well() else seconds
            await asyncio.wait([looking], timeout=patience)

    def doubt(self, error: ProviderError) -> None:
        """A request to a server has failed: look again, unless the error proves that the server is up."""
        if isinstance(error, _SIGNS_OF_LIFE):
            return
        self._is_doubted = True
        self._look_if_due()

    def refresh(self) -> None:
        """There are other servers to ask: look now, or right after the look that is under way."""
        self._is_outdated = self._under_way() is not None
        if not self._is_outdated:
            self._start_looking()

    async def close(self) -> None:
        tasks = [task for task in (self._looking, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_well(self) -> bool:
        return self._outlook.is_settled and not (self._outlook.is_urgent or self._is_doubted)

    def _age(self) -> float:
        if self._outlook.is_urgent or self._is_doubted:
            return URGENT_SECONDS
        return SETTLED_SECONDS if self._outlook.is_settled else UNSETTLED_SECONDS

    def _under_way(self) -> asyncio.Task[None] | None:
        return self._looking if self._looking is not None and not self._looking.done() else None

    def _look_if_due(self) -> None:
        if self._under_way() is None and self._clock() - self._looked_at >= self._age():
            self._start_looking()

    def _start_looking(self, begun: Awaitable[Outlook] | None = None) -> asyncio.Task[None]:
        # In a fresh context: the request that triggers the look may end before it does.
        self._looking = asyncio.get_running_loop().create_task(
            self._look_again(begun), name="models", context=contextvars.Context()
        )
        return self._looking

    async def _look_again(self, begun: Awaitable[Outlook] | None) -> None:
        is_doubted, self._is_doubted = self._is_doubted, False
        outlook = self._outlook
        try:
            outlook = await (begun or self._look(is_doubted or outlook.is_urgent))
        except DatabaseError as error:
            logger.warning("models: saving failed, retrying: %s", type(error).__name__)
        except Exception:
            logger.exception("models: looking for models failed")
        self._take(outlook)

    def _take(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self._looked_at = self._clock()
        self._keep_asking()
        if self._is_outdated:
            self._is_outdated = False
            self._start_looking()

    def _keep_asking(self) -> None:
        if self.problems and (self._asking is None or self._asking.done()):
            self._asking = asyncio.get_running_loop().create_task(
                self._ask_again(), name="models again", context=contextvars.Context()
            )

    async def _ask_again(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while self.problems:
            await self._sleep(wait)
            wait = min(2 * wait, LONGEST_SILENCE_SECONDS if self._outlook.is_urgent else LONGEST_WAIT_SECONDS)
            await asyncio.wait([self._under_way() or self._start_looking()])
