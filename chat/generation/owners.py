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

EVERY_SECONDS: Final = 5.0
# Readers are sent away first, after fifteen seconds at most (chat/sign_in_watch.py): they are told of no end.
GRACE_SECONDS: Final = 20.0


class Owners:
    """Looks after the owners of this process' runs every `seconds`, until it is closed.

    A disabled one may be enabled again for `grace` seconds, and the answer goes on.
    """

    def __init__(
        self, log: StreamLog, runner: Runner, *, seconds: float = EVERY_SECONDS, grace: float = GRACE_SECONDS
    ) -> None:
        self._log = log
        self._runner = runner
        self._seconds = seconds
        self._grace = grace
        # Since when it is known of each.
        self._disabled: dict[int, float] = {}
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
        is_active = await database.read(states, set(live.values())) if live else {}
        now = asyncio.get_running_loop().time()
        self._disabled = {owner: self._disabled.get(owner, now) for owner, active in is_active.items() if not active}
        gone = {owner for owner, since in self._disabled.items() if now - since >= self._grace}
        for run_id, owner in live.items():
            if owner not in is_active or owner in gone:
                logger.info("run %s: user %s was deleted or disabled, stopping", run_id, owner)
                with suppress(RunNotFound):
                    await self._log.request_stop(run_id)


def states(user_ids: Iterable[int]) -> dict[int, bool]:
    """Whether each of these that exists is active."""
    return dict(User.objects.filter(pk__in=user_ids).values_list("pk", "is_active"))
