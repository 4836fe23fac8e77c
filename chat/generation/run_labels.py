"""The metric labels of a run: its provider and model."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, NamedTuple, cast

from django.db import Error as DatabaseError

from chat import database, metrics
from chat.models import Assistant
from chat.protocol import event_data
from chat.streams.base import LogUnavailable, RunNotFound, StreamLog

KEPT: Final = 1024
LOOK_SECONDS: Final = 2.0


class Labels(NamedTuple):
    provider: str
    model: str


UNKNOWN: Final = Labels("unknown", "unknown")


class RunLabels:
    """The labels of runs that this process writes (known) and of runs that its readers follow (looked up)."""

    def __init__(self, log: StreamLog) -> None:
        self._log = log
        self._known: OrderedDict[str, Labels] = OrderedDict()

    def know(self, run_id: str, provider: str, model: str) -> Labels:
        labels = self._known[run_id] = Labels(provider, metrics.model_label(model))
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return labels

    async def of(self, run_id: str) -> Labels:
        """UNKNOWN if the run has left the log, or if the log or the database is unavailable. Takes at most seconds."""
        return self._known.get(run_id) or await self._looked_up(run_id)

    async def _looked_up(self, run_id: str) -> Labels:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                start = cast(event_data.Start, (await self._log.entries(run_id))[0].data)
                provider = await database.read(_provider_of, start["assistant"])
        except (RunNotFound, LogUnavailable, DatabaseError, TimeoutError):
            return UNKNOWN
        return self.know(run_id, provider, start["model"])


def _provider_of(slug: str) -> str:
    return Assistant.objects.filter(slug=slug).values_list("provider", flat=True).first() or UNKNOWN.provider
