"""When the model servers are asked what they offer: they come and go while the site runs."""

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

# How long a site waits at its start to hear from its model servers.
BEGIN_SECONDS: Final = 2.0
FIRST_WAIT_SECONDS: Final = 1.0
# Between two questions to a server that does not answer: it may be there any moment, and asking costs it nothing.
LONGEST_SILENCE_SECONDS: Final = 10.0
# Of one that answers, but lists nothing of use: somebody has to act.
LONGEST_WAIT_SECONDS: Final = 300.0
# How old an answer may be where somebody needs to know.
URGENT_SECONDS: Final = 1.0
UNSETTLED_SECONDS: Final = 5.0
SETTLED_SECONDS: Final = 60.0
# Where all is well, nobody waits longer than this to hear that it still is.
GLANCE_SECONDS: Final = 0.1
# A server that answers like this is there.
_SIGNS_OF_LIFE: Final = (EmptyAnswer, Incomplete, QuotaExceeded, RateLimited, ToolCalled)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a provider: `error` has the sentence. `is_silent`: it does not answer, and may any moment."""

    provider: str
    error: ProviderError
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the servers said when they were asked last.

    `is_settled`: there is somebody to answer, who is no stand-in. `is_urgent`: one who should is silent.
    """

    problems: tuple[Problem, ...] = ()
    is_settled: bool = True
    is_urgent: bool = False


# Asks the servers, and has the assistants follow. The argument: whether one has failed to answer, for all that is
# known. Raises django.db.Error.
Look = Callable[[bool], Awaitable[Outlook]]


async def _settled(_: bool) -> Outlook:
    return Outlook()


class ModelWatch:
    """Looks at the start, again while a server does not answer, and when somebody needs to know. One look at a time.

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
        self._looking: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._outlook.problems

    @property
    def is_settled(self) -> bool:
        """Whether there is somebody to answer, for all that is known: a message need not wait for a look."""
        return self._outlook.is_settled

    async def begin(self, *, seconds: float = BEGIN_SECONDS) -> None:
        """The first look. One that takes longer goes on by itself. Raises django.db.Error if the database is away."""
        first = asyncio.ensure_future(self._look(False))
        await asyncio.wait([first], timeout=seconds)
        if first.done():
            self._take(first.result())
        else:
            self._outlook = Outlook(is_settled=False)
            self._start_looking(first)

    async def ask(self, *, seconds: float) -> None:
        """Look again if it is time, and wait for it so long at most. Never raises."""
        self._look_if_due()
        if looking := self._under_way():
            patience = min(seconds, GLANCE_SECONDS) if self._is_well() else seconds
            await asyncio.wait([looking], timeout=patience)

    def doubt(self, error: ProviderError) -> None:
        """A server has failed to answer: look again."""
        if isinstance(error, _SIGNS_OF_LIFE):
            return
        self._is_doubted = True
        self._look_if_due()

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
        # In a fresh context: the request that asks first may be over before the answer comes.
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
            logger.warning("models: not saved, trying again: %s", type(error).__name__)
        except Exception:
            logger.exception("models: the servers could not be asked.")
        self._take(outlook)

    def _take(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self._looked_at = self._clock()
        self._keep_asking()

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
