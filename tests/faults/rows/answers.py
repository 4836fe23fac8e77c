"""Answers that are written during a fault, with and without readers: was each saved completely, and once?"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.client import numbered, varied
from tests.faults.followers import Follower
from tests.faults.invariants import answers, turns
from tests.faults.reading import Reading
from tests.faults.rows.rig import Rig, Trial

CONTINUED_SECONDS: Final = 20.0
ENDED_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.1


@dataclass
class Answer:
    """A started run. `reading`: of its reader, if it has one."""

    prompt: str
    count: int
    run_id: str
    client_message_id: str
    reading: Reading | None = None
    reader: asyncio.Task[None] | None = None
    follower: Follower | None = None
    # Whether it had not ended when the fault came.
    is_hit: bool = field(default=True)


async def start(rig: Rig, server: int | None, number: int, *, count: int, rate: int) -> Answer:
    """Like `begin`, alternating between a deterministic answer and one that differs with each attempt."""
    script = ("numbered", "varied")[number % 2]
    prompt = f"/{script} count={count} rate={rate} {uuid.uuid4()}"
    return await begin(rig, server, number, prompt=prompt, count=count)


async def begin(rig: Rig, server: int | None, number: int, *, prompt: str, count: int) -> Answer:
    """Start a run on this server. Depending on `number`, it is read over a socket, by SSE, or not at all."""
    client_message_id = str(uuid.uuid4())
    status, run = await rig.browser(server).start(prompt, client_message_id=client_message_id)
    assert status == 201, run
    answer = Answer(prompt, count, run["run_id"], client_message_id)
    follower = Follower(rig.site, rig.alice, rig.http)
    follow = (follower.over_socket, follower.over_sse, None)[number % 3]
    if follow is not None:
        answer.follower = follower
        answer.reading = Reading(answer.run_id)
        answer.reader = asyncio.create_task(follow(answer.reading))
    return answer


async def check(rig: Rig, answer: Answer, *, fault_at: float, most_resets: int = 1) -> Trial:
    """Wait for its end and check all that is left of it. `most_resets`: how often its reader may get a `reset`."""
    what = f"{answer.prompt} ({answer.run_id})"
    try:
        seconds = await _check(rig, answer, fault_at, most_resets)
    except TimeoutError:
        return Trial(
            what, f"not over after {ENDED_SECONDS:.0f} s: {await asyncio.to_thread(_whereabouts, rig, answer)}"
        )
    except (AssertionError, OSError) as error:
        return Trial(what, f"{type(error).__name__}: {error}")
    finally:
        if answer.reader is not None:
            answer.reader.cancel()
            await asyncio.gather(answer.reader, return_exceptions=True)
    return Trial(what, seconds=seconds, late=seconds is not None and seconds > CONTINUED_SECONDS)


async def _check(rig: Rig, answer: Answer, fault_at: float, most_resets: int) -> float | None:
    async with asyncio.timeout(ENDED_SECONDS):
        if answer.reader is not None:
            await answer.reader
        while not (saved := await asyncio.to_thread(answers, rig.site, answer.run_id)):
            await asyncio.sleep(POLL_SECONDS)
    exchanges = await asyncio.to_thread(rig.upstream.exchanges, answer.prompt)
    expected = expected_text(answer, attempt=len(exchanges))
    assert saved == [expected], f"saved: {saved!r:.300}"
    assert await asyncio.to_thread(turns, rig.site, answer.client_message_id) == 1
    if answer.reading is None:
        return _asked_again(exchanges, fault_at)
    reading = answer.reading
    assert reading.outcome == "done", f"the reader got {reading.outcome}: {reading.end}"
    assert reading.end["status"] == "completed"
    assert reading.text == expected, f"received: {reading.text!r:.300}"
    assert reading.names.count("reset") <= most_resets, f"{reading.names.count('reset')} resets"
    if not answer.is_hit:
        return None
    later = [at for at in reading.times if at > fault_at]
    assert later, "the reader received nothing after the fault"
    return later[0] - fault_at


def _whereabouts(rig: Rig, answer: Answer) -> str:
    """What is known about a run that does not end."""
    with rig.site.redis.client() as redis:
        held = [redis.hgetall(key) for key in redis.keys(f"*{answer.run_id}*") if redis.type(key) == b"hash"]
    told = answer.reading and (answer.reading.cursor, answer.reading.names[-3:])
    asked = [(exchange["at"], exchange["complete"]) for exchange in rig.upstream.exchanges(answer.prompt)]
    return f"saved {answers(rig.site, answer.run_id)!r:.40}, told {told}, asked {asked}, in Redis {held}"


def expected_text(answer: Answer, *, attempt: int) -> str:
    if answer.prompt.startswith("/varied"):
        return varied(answer.prompt, answer.count, attempt=attempt)
    return numbered(answer.prompt, answer.count)


def _asked_again(exchanges: list[dict[str, Any]], fault_at: float) -> float | None:
    """Seconds from the fault until the model was asked again, for a run without a reader."""
    again = [float(exchange["at"]) - fault_at for exchange in exchanges if exchange["at"] > fault_at]
    return again[0] if again else None
