from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from chat.rate_limit import ConcurrencyLimit, Crowded


class Crowd:
    """Callers of a limit, named by their keys, and those admitted so far."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self._limit = limit
        self.let_in: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def comes(self, name: str) -> asyncio.Task[None]:
        """`name`: the key and a number, such as `a1`."""

        async def take() -> None:
            await self._limit.take(name[0], seconds=60)
            self.let_in.append(name)

        task = asyncio.create_task(take())
        self._tasks.append(task)
        await asyncio.sleep(0)
        return task

    async def goes(self, key: str) -> None:
        self._limit.give_back(key)
        await asyncio.sleep(0)

    def send_home(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def crowd(*, each: int = 1, altogether: int = 2, waiting: int = 3) -> AsyncIterator[Crowd]:
    made = Crowd(ConcurrencyLimit(each=each, altogether=altogether, waiting=waiting))
    try:
        yield made
    finally:
        made.send_home()


async def test_a_key_over_its_limit_waits_in_order() -> None:
    async with crowd() as callers:
        for name in ("a1", "a2", "a3"):
            await callers.comes(name)
        assert callers.let_in == ["a1"]
        await callers.goes("a")
        await callers.goes("a")
        assert callers.let_in == ["a1", "a2", "a3"]


async def test_keys_take_turns_however_many_calls_each_has_waiting() -> None:
    async with crowd(altogether=1) as callers:
        for name in ("a1", "a2", "a3", "b1", "c1"):
            await callers.comes(name)
        for key in ("a", "a", "b", "c"):
            await callers.goes(key)
        assert callers.let_in == ["a1", "a2", "b1", "c1", "a3"]


async def test_another_key_is_let_in_while_one_waits() -> None:
    async with crowd() as callers:
        for name in ("a1", "a2", "b1", "c1"):
            await callers.comes(name)
        assert callers.let_in == ["a1", "b1"]
        await callers.goes("a")
        # All places were taken when a2 and c1 arrived: the first in the queue goes first.
        assert callers.let_in == ["a1", "b1", "a2"]


async def test_a_full_queue_refuses_only_calls_of_its_key() -> None:
    async with crowd(waiting=2) as callers:
        for name in ("a1", "a2", "a3"):
            await callers.comes(name)
        refused = await callers.comes("a4")
        with pytest.raises(Crowded):
            await refused
        await callers.comes("b1")
        assert callers.let_in == ["a1", "b1"]
        await callers.goes("a")
        await callers.comes("a5")
        await callers.goes("a")
        await callers.goes("a")
        assert callers.let_in == ["a1", "b1", "a2", "a3", "a5"]


async def test_a_cancelled_waiter_does_not_block_others() -> None:
    async with crowd() as callers:
        await callers.comes("a1")
        gone = await callers.comes("a2")
        await callers.comes("a3")
        gone.cancel()
        await asyncio.sleep(0)
        await callers.goes("a")
        assert callers.let_in == ["a1", "a3"]


async def test_a_waiter_cancelled_on_admission_frees_its_place() -> None:
    async with crowd() as callers:
        await callers.comes("a1")
        gone = await callers.comes("a2")
        await callers.comes("a3")
        callers._limit.give_back("a")
        gone.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert callers.let_in == ["a1", "a3"]


async def test_one_key_can_have_several_places() -> None:
    async with crowd(each=2, altogether=3) as callers:
        for name in ("a1", "a2", "a3", "b1", "b2"):
            await callers.comes(name)
        assert callers.let_in == ["a1", "a2", "b1"]
        await callers.goes("a")
        assert callers.let_in == ["a1", "a2", "b1", "a3"]


async def test_callers_wait_no_longer_than_their_timeout() -> None:
    limit = ConcurrencyLimit(each=1, altogether=1, waiting=1)
    await limit.take("a", seconds=60)
    with pytest.raises(Crowded):
        await limit.take("b", seconds=0.01)
    limit.give_back("a")
    await limit.take("b", seconds=0.01)
    limit.give_back("b")
    assert (limit._running, limit._waiting, limit._count) == ({}, {}, 0)


async def test_only_a_resting_key_waits() -> None:
    limit = ConcurrencyLimit(each=1, altogether=1, waiting=2)
    await limit.take("a", seconds=60)
    waiting = asyncio.create_task(limit.take("a", seconds=60))
    await asyncio.sleep(0)
    began = time.monotonic()
    limit.give_back("a", rest=0.1)
    await limit.take("b", seconds=0.05)
    limit.give_back("b")
    late = asyncio.create_task(limit.take("a", seconds=60))
    await waiting
    assert time.monotonic() - began > 0.09
    limit.give_back("a")
    await late
    limit.give_back("a")


async def test_calls_during_a_rest_wait_until_it_ends() -> None:
    limit = ConcurrencyLimit(each=1, altogether=1, waiting=2)
    await limit.take("a", seconds=60)
    limit.give_back("a", rest=0.1)
    with pytest.raises(Crowded):
        await limit.take("a", seconds=0.01)
    began = time.monotonic()
    await limit.take("a", seconds=60)
    assert time.monotonic() - began > 0.05


def test_a_rest_outlives_its_event_loop() -> None:
    limit = ConcurrencyLimit(each=1, altogether=1, waiting=2)

    async def turn() -> None:
        await limit.take("a", seconds=10)
        limit.give_back("a", rest=0.05)

    asyncio.run(turn())
    asyncio.run(turn())


async def test_an_unused_limit_keeps_no_state() -> None:
    limit = ConcurrencyLimit(each=1, altogether=1, waiting=1)
    await limit.take("a", seconds=60)
    waiting = asyncio.create_task(limit.take("b", seconds=60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    limit.give_back("a")
    assert (limit._running, limit._waiting) == ({}, {})


async def test_a_rest_that_ends_while_its_key_begins_to_wait_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may stop the process between the look at the rest and the timer for its end."""
    limit = ConcurrencyLimit(each=1, waiting=2)
    await limit.take("a", seconds=1)
    limit.give_back("a", rest=0.05)
    began = time.monotonic()
    looks = iter([began])
    monkeypatch.setattr("chat.rate_limit.time", SimpleNamespace(monotonic=lambda: next(looks, began + 1)))

    await limit.take("a", seconds=1)
