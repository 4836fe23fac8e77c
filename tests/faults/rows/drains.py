"""Rows 23 and R16: SIGTERM to the server that owns the answers. Short ones finish there; others are handed over."""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from typing import Final

from tests.faults.rows.answers import Answer, check, start
from tests.faults.rows.rig import Rig, Trial

RUNS: Final = 20
COUNT: Final = (30, 300)
RATE: Final = 30
# After CHAT_DRAIN, the rest is handed over and every connection is closed: 35 s with the default of 25 s.
EXIT_SECONDS: Final = 3.0 + 10.0
SEND_TRIES: Final = 3
SEND_AGAIN_SECONDS: Final = 0.5


async def deploy(rig: Rig) -> list[Trial]:
    """200 answers, generated slowly: the machine that runs this can handle no more readers."""
    return await drain_owner(rig, runs=200, counts=(10, 100), rate=4)


async def drain_owner(
    rig: Rig, *, runs: int = RUNS, owner: int | None = None, counts: tuple[int, int] = COUNT, rate: int = RATE
) -> list[Trial]:
    """A trial for each answer that had not ended, one for the exit, and one for each send in the meantime."""
    rig.upstream.forget()
    if owner is None:
        owner = rig.chance.randrange(len(rig.site.servers))
    server = rig.site.servers[owner]
    started = await asyncio.gather(
        *(start(rig, owner, number, count=rig.chance.randint(*counts), rate=rate) for number in range(runs))
    )
    await asyncio.sleep(rig.chance.uniform(0, 1))
    saved = {str(run_id) for (run_id,) in rig.site.rows("SELECT run_id FROM chat_message WHERE run_id IS NOT NULL")}
    for answer in started:
        # An answer has ended if its reader received the end or, without a reader, if it is saved.
        answer.is_hit = not (answer.reading.outcome if answer.reading is not None else answer.run_id in saved)
    server.signal(signal.SIGTERM)
    told_at = time.monotonic()
    exiting = asyncio.create_task(asyncio.to_thread(server.exit_code))
    meanwhile = []
    while not exiting.done():
        meanwhile.append(await _send(rig))
    exit_code, seconds = await exiting, time.monotonic() - told_at
    left = Trial("exit", "" if exit_code == 0 else f"exit code {exit_code}", seconds, late=seconds > EXIT_SECONDS)
    restarting = asyncio.create_task(asyncio.to_thread(server.start))
    trials = await asyncio.gather(*(check(rig, answer, fault_at=told_at) for answer in started))
    await restarting
    checked = zip(trials, started, strict=True)
    return [left, *meanwhile, *(_untroubled(trial, answer) for trial, answer in checked if answer.is_hit)]


async def _send(rig: Rig) -> Trial:
    """Another client's message, through nginx, while one server shuts down.

    A connection not yet accepted when the server stops listening is lost, and nginx does not repeat a POST: it returns
    a retryable error, and the client retries with the same id.
    """
    message = {"text": "/hello meanwhile", "client_message_id": str(uuid.uuid4())}
    for _ in range(SEND_TRIES):
        status, answer = await rig.browser().call("POST", "/api/runs/wait", message)
        # An error after a long wait has status 200, too.
        if "error" not in answer or not answer["error"]["retryable"]:
            break
        await asyncio.sleep(SEND_AGAIN_SECONDS)
    return Trial("a send meanwhile", "" if "error" not in answer else f"status {status}: {answer}")


def _untroubled(trial: Trial, answer: Answer) -> Trial:
    """No reader sees an error: each connection ends with a bye, or its stream is complete."""
    if trial.failure or answer.follower is None or not answer.follower.troubles:
        return trial
    return Trial(trial.what, f"its reader had trouble: {answer.follower.troubles}")
