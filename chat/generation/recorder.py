"""Saving finished turns, and the questions of failed ones: patiently, so that a locked database delays no stream."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from django.db import Error, InterfaceError, InternalError, OperationalError

from chat import database, metrics
from chat.models import Message, UnansweredQuestion
from chat.models.turn import Turn
from chat.models.unanswered_question import Asked, Reason
from chat.models.user import OwnerGone
from chat.notices.conversations import Change, change_by

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 5.0
# So long a reader waits at most to hear that a run has failed.
KEEP_SECONDS: Final = 2.0
# InternalError: PostgreSQL says so when it ends a transaction that took too long, and when it is a standby for now.
PASSING: Final = (OperationalError, InterfaceError, InternalError)


class SaveFailed(Exception):
    """The turn is not in the database, and trying again has not helped. Its text is still in the log."""


@dataclass(frozen=True, slots=True)
class Saved:
    """`change`: what there is to tell of the conversation, as far as could be found out."""

    message: Message
    change: Change | None


class Recorder:
    """Saves a finished turn once. A database that is locked, full or away is asked again for `patience` seconds."""

    def __init__(self, *, patience: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._patience = patience
        self._sleep = sleep
        self._keeping: set[asyncio.Task[None]] = set()

    async def save(
        self, turn: Turn, *, waiting: Callable[[], Awaitable[None]], patience: float | None = None
    ) -> Saved:
        """The saved answer, whoever saved it. `waiting` is called once, when the first try has failed.

        `patience`: for this turn, if it is less. Raises SaveFailed.
        """
        patience = self._patience if patience is None else min(self._patience, patience)
        return await self._patiently(
            lambda: database.save(_save, turn), turn.run_id, waiting=waiting, patience=patience
        )

    async def keep(self, asked: Asked, reason: Reason) -> None:
        """Keep the question of a run that has failed. Never raises.

        It is in the database when this returns, unless that takes longer than KEEP_SECONDS: then it goes on meanwhile.
        """
        keeping = asyncio.get_running_loop().create_task(self._keep(asked, reason), context=contextvars.Context())
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)
        await asyncio.wait([keeping], timeout=KEEP_SECONDS)

    async def close(self) -> None:
        """Try no longer to keep what the database has not taken."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _keep(self, asked: Asked, reason: Reason) -> None:
        async def write() -> None:
            with suppress(OwnerGone):
                await database.write(UnansweredQuestion.objects.keep, asked, reason)

        try:
            await self._patiently(write, asked.run_id, waiting=_nobody, patience=self._patience)
        except SaveFailed:
            logger.warning("run %s: the question could not be kept", asked.run_id)

    async def _patiently(
        self,
        save: Callable[[], Awaitable[T]],
        run_id: str,
        *,
        waiting: Callable[[], Awaitable[None]],
        patience: float,
    ) -> T:
        """Raises SaveFailed."""
        give_up = time.monotonic() + patience
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                return await save()
            except PASSING as error:
                logger.warning("Run %s is not saved yet: %s", run_id, error)
                if time.monotonic() + wait > give_up:
                    raise SaveFailed(str(error)) from error
            except OwnerGone as error:
                logger.info("run %s: its owner was deleted, nothing is saved", run_id)
                raise SaveFailed("the owner was deleted") from error
            except Error as error:
                logger.exception("Run %s cannot be saved.", run_id)
                raise SaveFailed(str(error)) from error
            metrics.SAVE_RETRIES.inc()
            if wait == FIRST_WAIT_SECONDS:
                await waiting()
            await self._sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)


def _save(turn: Turn) -> Saved:
    message = turn.save()
    return Saved(message, change_by(turn, message))


async def _nobody() -> None:
    """Nobody is told that keeping a question takes longer."""
