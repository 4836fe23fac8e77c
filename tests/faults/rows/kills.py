"""Rows 5 and R1: `kill -9` of the server that owns the answers, at a random moment."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from tests.faults.invariants import answers
from tests.faults.rows.answers import check, start
from tests.faults.rows.rig import Rig, Trial

RUNS: Final = 16
COUNT: Final = (30, 150)
RATE: Final = 30
KILL_AFTER_SECONDS: Final = (0.0, 2.0)


async def kill_owner(rig: Rig, *, runs: int = RUNS, owner: int | None = None) -> list[Trial]:
    """A trial for each answer that was not saved yet when its server was killed. The others must be saved."""
    rig.upstream.forget()
    if owner is None:
        owner = rig.chance.randrange(len(rig.site.servers))
    started = await asyncio.gather(
        *(start(rig, owner, number, count=rig.chance.randint(*COUNT), rate=RATE) for number in range(runs))
    )
    await asyncio.sleep(rig.chance.uniform(*KILL_AFTER_SECONDS))
    server = rig.site.servers[owner]
    await asyncio.to_thread(server.kill)
    killed_at = time.monotonic()
    for answer in started:
        answer.is_hit = not await asyncio.to_thread(answers, rig.site, answer.run_id)
    # As a supervisor would; the answers do not wait for the restart.
    restarting = asyncio.create_task(asyncio.to_thread(server.start))
    trials = await asyncio.gather(*(check(rig, answer, fault_at=killed_at) for answer in started))
    await restarting
    return [trial for trial, answer in zip(trials, started, strict=True) if answer.is_hit or trial.failure]
