from __future__ import annotations

from chat.protocol.events import Event, token
from chat.streams.base import KEEP_FAILED_SECONDS, KEEP_SAVED_SECONDS, Budget, Created
from chat.streams.memory import MemoryLog
from tests.streams.contract import StreamLogContract, done, request


class TestMemoryLog(StreamLogContract):
    async def make_log(self, budget: Budget | None = None) -> MemoryLog:
        return MemoryLog(budget=budget)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def ended(log: MemoryLog, event: Event, *, text: str = "text") -> str:
    created = await log.create(request(), live_limit=100)
    assert isinstance(created, Created)
    await log.append(created.run.run_id, [token(text), event], token=created.token)
    return created.run.run_id


async def test_failed_runs_are_kept_longer_than_saved_ones() -> None:
    clock = Clock()
    log = MemoryLog(clock=clock)
    saved, failed = await ended(log, done()), await ended(log, Event("error", {}))

    clock.now = KEEP_SAVED_SECONDS + 1
    await log.create(request(), live_limit=100)
    assert await log.find(saved) is None
    assert await log.find(failed)

    clock.now = KEEP_FAILED_SECONDS + 1
    await log.create(request(), live_limit=100)
    assert await log.find(failed) is None
