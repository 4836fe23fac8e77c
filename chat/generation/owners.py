"""Runs whose owner was deleted or disabled in the meantime: they are stopped, as if the owner had done it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from django.db import Error as DatabaseError

from chat import database
from chat.generation.runner import Runner
from chat.models import User
from chat.streams.base import RunNotFound, StreamLog, Unavailable

logger = logging.getLogger(__name__)

# Their readers are sent away after fifteen seconds at most (chat/sign_in_watch.py).
EVERY_SECONDS: Final = 5.0


class Owners:
    """Looks after the owners of this process' runs every `seconds`, until it is closed."""

    def __init__(self, log: StreamLog, runner: Runner, *, seconds: float = EVERY_SECONDS) -> None:
        self._log = log
        self._runner = runner
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="owners")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._look()
            except (DatabaseError, Unavailable) as error:
                logger.warning("owners: the accounts of live runs are unknown, asking again: %r", error)

    async def _look(self) -> None:
        live = self._runner.live
        active = await database.read(active_ids, set(live.values())) if live else set()
        for run_id, owner_id in live.items():
            if owner_id not in active:
                logger.info("run %s: user %s was deleted or disabled, stopping", run_id, owner_id)
                with suppress(RunNotFound):
                    await self._log.request_stop(run_id)


def active_ids(user_ids: Iterable[int]) -> set[int]:
    return set(User.objects.filter(pk__in=user_ids, is_active=True).values_list("pk", flat=True))
