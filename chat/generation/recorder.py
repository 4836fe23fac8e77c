"""Saving finished turns: patiently, on threads of its own, so that a locked database delays no stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from django.db import Error, InterfaceError, InternalError, OperationalError

from chat import database, metrics
from chat.models import Message
from chat.models.turn import OwnerGone, Turn

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 5.0
# InternalError: PostgreSQL says so when it ends a transaction that took too long, and when it is a standby for now.
PASSING: Final = (OperationalError, InterfaceError, InternalError)


class SaveFailed(Exception):
    """The turn is not in the database, and trying again has not helped. Its text is still in the log."""


class Recorder:
    """Saves a finished turn once. A database that is locked, full or away is asked again for `patience` seconds."""

    def __init__(self, *, patience: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._patience = patience
        self._sleep = sleep

    async def save(
        self, turn: Turn, *, waiting: Callable[[], Awaitable[None]], patience: float | None = None
    ) -> Message:
        """The saved answer, whoever saved it. `waiting` is called once, when the first try has failed.

        `patience`: for this turn, if it is less. Raises SaveFailed.
        """
        give_up = time.monotonic() + min(self._patience, self._patience if patience is None else patience)
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                return await database.save(turn.save)
            except PASSING as error:
                logger.warning("Run %s is not saved yet: %s", turn.run_id, error)
                if time.monotonic() + wait > give_up:
                    raise SaveFailed(str(error)) from error
            except OwnerGone as error:
                logger.info("run %s: its owner was deleted, nothing is saved", turn.run_id)
                raise SaveFailed("the owner was deleted") from error
            except Error as error:
                logger.exception("Run %s cannot be saved.", turn.run_id)
                raise SaveFailed(str(error)) from error
            metrics.SAVE_RETRIES.inc()
            if wait == FIRST_WAIT_SECONDS:
                await waiting()
            await self._sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
