"""Stops the runs of deleted and disabled users, as if their owners had stopped them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from chat import database
from chat.generation.runner import Runner
from chat.models import User
from chat.streams.base import LogUnavailable, RunNotFound, StreamLog

logger = logging.getLogger(__name__)

# Polling finds changes made by other processes or directly in the database.
EVERY_SECONDS: Final = 3.0


class Owners:
    """Checks the owners of this process's runs every `seconds` and on `ring`, until it is closed."""

    def __init__(self, log: StreamLog, runner: Runner, *, seconds: float = EVERY_SECONDS) -> None:
        self._log = log
        self._runner = runner
        self._seconds = seconds
        self._bell = asyncio.Event()
        self._told: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="owners")
        _watching[self] = asyncio.get_running_loop()

    def ring(self, user_ids: Iterable[int]) -> None:
        """Check all runs of these users now, including those that other processes write."""
        self._told.update(user_ids)
        self._bell.set()

    async def close(self) -> None:
        _watching.pop(self, None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._bell.wait()
            self._bell.clear()
            try:
                await self._look()
            except (DatabaseError, LogUnavailable) as error:
                logger.warning("owners: checking the owners of live runs failed, retrying: %r", error)

    async def _look(self) -> None:
        live = self._runner.live
        told, self._told = self._told, set()
        for owner in told:
            live |= {run.run_id: owner for run in await self._log.runs_of(owner) if run.is_live}
        is_active = await database.read(states, set(live.values())) if live else {}
        for run_id, owner in live.items():
            if not is_active.get(owner):
                logger.info("run %s: user %s was deleted or disabled, stopping", run_id, owner)
                with suppress(RunNotFound):
                    await self._log.request_stop(run_id)


# The running watchers, with their event loops.
_watching: WeakKeyDictionary[Owners, asyncio.AbstractEventLoop] = WeakKeyDictionary()


def look_now(user_ids: Iterable[int]) -> None:
    """Stop the runs of those users who are deleted or disabled, without waiting for the next check.

    Thread-safe. Call it after the change is committed.
    """
    for owners, loop in list(_watching.items()):
        with suppress(RuntimeError):  # The loop has been closed.
            loop.call_soon_threadsafe(owners.ring, list(user_ids))


def states(user_ids: Iterable[int]) -> dict[int, bool]:
    """Whether each user is active, by id. Deleted users are missing."""
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "is_active"))
