"""Rows 7 and R2: `kill -9` just before turns are committed, inside their transactions, and before their `done`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Final

from tests.faults.invariants import answers
from tests.faults.processes import Server
from tests.faults.rows.answers import Answer, begin, check
from tests.faults.rows.rig import Rig, Trial
from tests.faults.sabotage import HELD, command

# How many are held at each point.
POINTS: Final = {"before_commit": 4, "inside": 4, "after_commit": 8}
COUNT: Final = 20
HELD_SECONDS: Final = 60.0


async def kill_in_commit(rig: Rig, *, points: Mapping[str, int] = POINTS, owner: int | None = None) -> list[Trial]:
    """A trial for each turn, which the other server has to finish."""
    rig.upstream.forget()
    if owner is None:
        owner = rig.chance.randrange(len(rig.site.servers))
    server = rig.site.servers[owner]
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start, command("hold_saves"))
    prompts = [
        (point, f"/numbered count={COUNT} {uuid.uuid4()} fault={point}")
        for point, n in points.items()
        for _ in range(n)
    ]
    started = [
        await begin(rig, owner, number, prompt=prompt, count=COUNT) for number, (_, prompt) in enumerate(prompts)
    ]
    await all_held(server, points)
    saved = [await asyncio.to_thread(answers, rig.site, answer.run_id) for answer in started]
    told = [answer.reading.outcome for answer in started if answer.reading is not None]
    ids = [await asyncio.to_thread(_saved_as, rig, answer) for answer in started]
    await asyncio.to_thread(server.kill)
    killed_at = asyncio.get_running_loop().time()
    restarting = asyncio.create_task(asyncio.to_thread(server.start))
    trials = await asyncio.gather(*(check(rig, answer, fault_at=killed_at, most_resets=0) for answer in started))
    await restarting
    found = []
    for (point, _), answer, was_saved, identifier, trial in zip(prompts, started, saved, ids, trials, strict=True):
        failure = trial.failure or _failure(rig, answer, identifier)
        if bool(was_saved) != (point == "after_commit"):
            failure = f"{len(was_saved)} saved at {point}"
        if any(told):
            failure = f"readers were told {told} before the end"
        found.append(Trial(trial.what, failure, trial.seconds, trial.late))
    return found


async def all_held(server: Server, points: Mapping[str, int]) -> None:
    """Wait until this many turns are held at each point."""
    async with asyncio.timeout(HELD_SECONDS):
        while any(server.log.count(f"{HELD} {point}\n") < count for point, count in points.items()):
            await asyncio.sleep(0.05)


def _failure(rig: Rig, answer: Answer, identifier: str) -> str:
    """The text was complete: the model is not asked again, and `done` names the committed message."""
    if (asked := len(rig.upstream.exchanges(answer.prompt))) != 1:
        return f"asked {asked} times"
    if identifier and _saved_as(rig, answer) != identifier:
        return "another message than the one that was committed"
    if identifier and answer.reading is not None and answer.reading.end["message_id"] != identifier:
        return f"done names {answer.reading.end['message_id']}, committed was {identifier}"
    return ""


def _saved_as(rig: Rig, answer: Answer) -> str:
    found = rig.site.rows("SELECT id FROM chat_message WHERE run_id = ?", uuid.UUID(answer.run_id))
    return str(found[0][0]) if found else ""
