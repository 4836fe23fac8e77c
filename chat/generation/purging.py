"""Purges deleted conversations that can no longer be restored, and old sessions, and frees their disk space."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from django.db import Error as DatabaseError
from django.db import connection

from chat import database
from chat.auth import credentials
from chat.models import Conversation
from chatsite import sqlite_space

logger = logging.getLogger(__name__)

PURGE_EVERY_SECONDS: Final = 300.0
# A pause between the steps of vacuuming, so that other writers get a turn.
GIVE_BACK_EVERY_SECONDS: Final = 0.2


class Purging:
    """Purges at once and then periodically, from `start` to `close`. Belongs to one event loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(_purge())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def _purge() -> None:
    while True:
        try:
            await database.write(Conversation.objects.purge)
            await database.write(credentials.purge_sessions)
            await _give_space_back()
        except DatabaseError as error:
            logger.warning("database: deleted conversations not purged, retrying later: %r", error)
        await asyncio.sleep(PURGE_EVERY_SECONDS)


async def _give_space_back() -> None:
    """Shrink the SQLite file in small steps, so that other writers get a turn."""
    has_more = True
    while has_more:
        has_more = await database.write(lambda: sqlite_space.give_back(connection))
        await asyncio.sleep(GIVE_BACK_EVERY_SECONDS)
