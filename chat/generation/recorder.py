"""Saves finished turns, and the questions of failed ones, with retries, so that a locked database delays no stream."""

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
# The longest that saving the question may delay the `error` event.
KEEP_SECONDS: Final = 2.0
# InternalError: PostgreSQL reports it for a transaction that timed out, and while it is a standby.
PASSING: Final = (OperationalError, InterfaceError, InternalError)


class SaveFailed(Exception):
    """The turn could not be saved, even with retries. Its text is still in the log."""


@dataclass(frozen=True, slots=True)
class Saved:
    """`change`: what there is to tell of the conversation, as far as could be found out."""

    message: Message
    change: Change | None


class Recorder:
    """Saves a finished turn once. Retries for `patience` seconds while the database is locked, full or unavailable."""

    def __init__(self, *, patience: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._patience = patience
        self._sleep = sleep
        self._keeping: set[asyncio.Task[None]] = set()

    async def save(
        self, turn: Turn, *, waiting: Callable[[], Awaitable[None]], patience: float | None = None
    ) -> Saved:
        """Save the turn and return its answer, or the one another process saved. Raises SaveFailed.

        `waiting` is called once, after the first attempt has failed. `patience`: a shorter limit for this turn.
        """
        patience = self._patience if patience is None else min(self._patience, patience)
        return await self._patiently(
            lambda: database.save(_save, turn), turn.run_id, waiting=waiting, patience=patience
        )

    async def keep(self, asked: Asked, reason: Reason) -> None:
        """Save the question of a failed run. Never raises.

        Returns when the question is saved, or after KEEP_SECONDS; saving then continues in the background.
        """
        keeping = asyncio.get_running_loop().create_task(self._keep(asked, reason), context=contextvars.Context())
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)
        await asyncio.wait([keeping], timeout=KEEP_SECONDS)

    async def close(self) -> None:
        """Give up the questions that are not saved yet."""
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
            logger.warning("run %s: saving the question failed", asked.run_id)

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
                logger.warning("run %s: not saved yet: %s", run_id, error)
                if time.monotonic() + wait > give_up:
                    raise SaveFailed(str(error)) from error
            except OwnerGone as error:
                logger.info("run %s: owner was deleted, nothing saved", run_id)
                raise SaveFailed("the owner was deleted") from error
            except Error as error:
                logger.exception("run %s: saving failed", run_id)
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
    """No status event while saving a question takes longer."""
