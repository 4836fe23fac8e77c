"""Rows 22, R3 and R4: PostgreSQL restarted, killed, or down for 20 s, just as turns end."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from tests.faults.client import numbered
from tests.faults.cluster import Cluster
from tests.faults.rows.answers import Answer, begin, check
from tests.faults.rows.rig import Rig, Trial

TURNS: Final = 20
AFTER: Final = 20
COUNT: Final = 25
TOKEN: Final = len(numbered("", 1))
AWAY_SECONDS: Final = 20.0
PROVOKED: Final = (
    "not checked",
    "api: request failed",
    "failed",
)

Fault = Callable[[Cluster], Awaitable[None]]


async def restarted(site: Cluster) -> None:
    await asyncio.to_thread(site.database.restart)


async def killed(site: Cluster) -> None:
    """kill -9 of all its processes: unwritten data is lost."""
    await asyncio.to_thread(site.database.kill)
    await asyncio.to_thread(site.database.start)


async def away(site: Cluster) -> None:
    await asyncio.to_thread(site.database.kill)
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(site.database.start)


FAULTS: Final[list[Fault]] = [restarted, killed, away]


async def any_database_fault(rig: Rig) -> list[Trial]:
    """As in production, commits are flushed."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert rig.site.rows(f"SHOW {setting}") == [("on",)]
    return await under_database_fault(rig, rig.chance.choice(FAULTS), after=rig.chance.uniform(0, 0.2))


async def under_database_fault(rig: Rig, fault: Fault, *, after: float = 0, turns: int = TURNS) -> list[Trial]:
    """A trial for each turn: they all end at once, and the database fails while they are being saved."""
    rig.upstream.forget()
    rig.site.expected = (*rig.site.expected, *PROVOKED)
    started = []
    for number in range(turns):
        prompt = f"/hold after={AFTER} count={COUNT} {uuid.uuid4()}"
        started.append(await begin(rig, number % 2, number // 2, prompt=prompt, count=COUNT))
    for answer in started:
        if answer.reading is not None:
            await answer.reading.has(AFTER * TOKEN)
    await asyncio.to_thread(rig.upstream.release)
    await asyncio.sleep(after)
    await fault(rig.site)
    over_at = time.monotonic()
    for answer in started:
        answer.is_hit = answer.reading is not None and not answer.reading.outcome
    trials = await asyncio.gather(*(check(rig, each, fault_at=over_at, most_resets=0) for each in started))
    await asyncio.to_thread(rig.site.until_ready)
    return [_of(fault, trial, answer) for trial, answer in zip(trials, started, strict=True)]


def _of(fault: Fault, trial: Trial, answer: Answer) -> Trial:
    """Only turns that were not saved yet have waited for the database."""
    seconds = trial.seconds if answer.is_hit else None
    return Trial(f"{fault.__name__}: {trial.what}", trial.failure, seconds, trial.late)
