"""Runs whose owner was deleted or disabled in the meantime: they are stopped, as if the owner had done it."""

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

# Of what another process, or somebody in the database, has changed.
EVERY_SECONDS: Final = 3.0


class Owners:
    """Looks after the owners of this process' runs every `seconds`, and when it is told to, until it is closed."""

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
        """Look at once, at all runs of these, also at those that other processes write."""
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
                logger.warning("owners: the accounts of live runs are unknown, asking again: %r", error)

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


# Those that look, each in its event loop.
_watching: WeakKeyDictionary[Owners, asyncio.AbstractEventLoop] = WeakKeyDictionary()


def look_now(user_ids: Iterable[int]) -> None:
    """End the runs of these users, if they are deleted or disabled, without waiting for the next look.

    From any thread, once the change is in the database.
    """
    for owners, loop in list(_watching.items()):
        with suppress(RuntimeError):  # It is closed by now.
            loop.call_soon_threadsafe(owners.ring, list(user_ids))


def states(user_ids: Iterable[int]) -> dict[int, bool]:
    """Whether each of these that exists is active."""
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "is_active"))
