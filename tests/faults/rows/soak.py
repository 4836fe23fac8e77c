"""Rows 25 and R20: people chat for a while, each with a habit or a bad network, while servers are killed."""

from __future__ import annotations

import asyncio
import math
import random
import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import aiohttp

from tests.faults.client import Browser, varied
from tests.faults.followers import Follower
from tests.faults.invariants import answers, turns
from tests.faults.proxy import Proxy, proxy
from tests.faults.reading import Reading
from tests.faults.rows.answers import CONTINUED_SECONDS, Answer, check, expected_text
from tests.faults.rows.footprint import Footprint, left_behind
from tests.faults.rows.rig import Rig, Trial
from tests.members import Member

PEOPLE: Final = 30
SECONDS: Final = 90.0
KILL_EVERY_SECONDS: Final = 25.0
COUNT: Final = (5, 120)
RATE: Final = 30
HABITS: Final = ("watches", "listens", "leaves", "is cut off", "is slow", "stops")
# More than the handshake and `hello`, so that each connection makes progress.
CUT_BYTES: Final = (6000, 12_000)
SLOW_BYTES_PER_SECOND: Final = 3000
MOST_RESETS: Final = 3
TAKEN_SECONDS: Final = 60.0
ASK_SECONDS: Final = 15.0
AGAIN_SECONDS: Final = 0.3


async def soak(
    rig: Rig, *, people: int = PEOPLE, seconds: float = SECONDS, kill_every: float = KILL_EVERY_SECONDS
) -> list[Trial]:
    """A trial for each answer, and one for what is left behind at the end."""
    rig.upstream.forget()
    before = {server.port: Footprint.of(server) for server in rig.site.servers}
    until = time.monotonic() + seconds
    async with AsyncExitStack() as stack:
        members = list(rig.site.cast.values())
        crowd = [
            Person(
                rig,
                await stack.enter_async_context(proxy(rig.site.port)),
                members[number % len(members)],
                HABITS[number % len(HABITS)],
            )
            for number in range(people)
        ]
        killing = asyncio.create_task(_kill_now_and_then(rig, until, kill_every))
        found = await asyncio.gather(*(person.chat(until) for person in crowd))
        await killing
    await asyncio.to_thread(rig.site.until_ready)
    left = Trial("what is left behind", await left_behind(rig.site, before))
    return [left, *(trial for trials in found for trial in trials)]


async def _kill_now_and_then(rig: Rig, until: float, every: float) -> None:
    while time.monotonic() + every < until:
        await asyncio.sleep(every)
        server = rig.chance.choice(rig.site.servers)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)


class Person:
    """Sends one message after another, in one conversation. `network`: used by no one else. `habit`: the first."""

    def __init__(self, rig: Rig, network: Proxy, member: Member, habit: str) -> None:
        self._rig = rig
        self._browser = Browser(rig.site, member, rig.http)
        self._network = network
        self._chance = random.Random(rig.chance.random())
        self._habit = habit
        self._conversation: dict[str, str] = {}

    async def chat(self, until: float) -> list[Trial]:
        """At least one turn, so that a busy machine does not skip a habit."""
        trials = [await self._turn(self._habit)]
        while time.monotonic() < until:
            trials.append(await self._turn(self._chance.choice(HABITS)))
        return trials

    async def _turn(self, habit: str) -> Trial:
        script, count = self._chance.choice(("numbered", "varied")), self._chance.randint(*COUNT)
        prompt = f"/{script} count={count} rate={RATE} {uuid.uuid4()}"
        message = {"text": prompt, "client_message_id": str(uuid.uuid4()), **self._conversation}
        try:
            run = await self._ask("/api/runs", message)
        except (AssertionError, TimeoutError) as error:
            return Trial(f"who {habit}: {prompt}", f"the message is not taken: {error!r}")
        self._conversation = {"conversation_id": run["conversation_id"]}
        answer = Answer(prompt, count, run["run_id"], message["client_message_id"], is_hit=False)
        if habit != "leaves":
            self._follow(answer, habit)
        if habit == "stops":
            trial = await self._stopped(answer)
        else:
            trial = await check(self._rig, answer, fault_at=math.inf, most_resets=MOST_RESETS)
        return _with_silence(replace(trial, what=f"who {habit}: {trial.what}"), answer)

    def _follow(self, answer: Answer, habit: str) -> None:
        self._network.cut_after = self._chance.randint(*CUT_BYTES) if habit == "is cut off" else None
        self._network.bytes_per_second = SLOW_BYTES_PER_SECOND if habit == "is slow" else None
        follower = Follower(self._rig.site, self._browser.member, self._rig.http, port=self._network.port)
        over_sse = habit == "listens" or (habit != "watches" and self._chance.random() < 0.5)
        follow = follower.over_sse if over_sse else follower.over_socket
        answer.reading = Reading(answer.run_id)
        answer.reader = asyncio.create_task(follow(answer.reading))

    async def _stopped(self, answer: Answer) -> Trial:
        """Stop it at a random moment, unless it ends before. The text read is the text saved, and a prefix."""
        assert answer.reading is not None
        assert answer.reader is not None
        await asyncio.sleep(self._chance.uniform(0, answer.count / RATE))
        try:
            await self._ask(f"/api/runs/{answer.run_id}/stop", {})
            async with asyncio.timeout(TAKEN_SECONDS):
                await answer.reader
            await asyncio.to_thread(self._check_stopped, answer, answer.reading)
        except (AssertionError, OSError) as error:
            return Trial(answer.prompt, f"{type(error).__name__}: {error} ({answer.run_id})")
        finally:
            answer.reader.cancel()
            await asyncio.gather(answer.reader, return_exceptions=True)
        return Trial(answer.prompt)

    def _check_stopped(self, answer: Answer, reading: Reading) -> None:
        assert reading.outcome == "done", f"the reader got {reading.outcome}: {reading.end}"
        assert answers(self._rig.site, answer.run_id) == [reading.text]
        assert turns(self._rig.site, answer.client_message_id) == 1
        attempt = len(self._rig.upstream.exchanges(answer.prompt))
        whole = expected_text(answer, attempt=attempt)
        if reading.end["status"] == "completed":
            assert reading.text == whole
        else:
            # If it was stopped after its server was killed and before the takeover, the text so far is kept.
            beginnings = [whole, varied(answer.prompt, answer.count, attempt=max(1, attempt - 1))]
            assert any(each.startswith(reading.text) for each in beginnings), f"received: {reading.text!r:.300}"

    async def _ask(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """Repeat a POST until it is accepted: a message is one turn, however often it is sent."""
        refusal: object = None
        give_up = time.monotonic() + TAKEN_SECONDS
        while time.monotonic() < give_up:
            try:
                status, answer = await self._browser.call(
                    "POST", path, body, timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)
                )
            except (aiohttp.ClientError, TimeoutError) as error:
                refusal = error
            else:
                if status < 300:
                    return dict(answer)
                refusal = status, answer
                assert status in {409, 429} or answer["error"]["retryable"], refusal
            await asyncio.sleep(AGAIN_SECONDS)
        raise TimeoutError(refusal)


def _with_silence(trial: Trial, answer: Answer) -> Trial:
    """Add the longest time without an event for its reader."""
    if answer.reading is None or len(answer.reading.times) < 2:
        return trial
    times = answer.reading.times
    longest = max(after - before for before, after in pairwise(times))
    return replace(trial, seconds=longest, late=longest > CONTINUED_SECONDS)
