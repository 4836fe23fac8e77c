from __future__ import annotations

import asyncio

import pytest

from chat.protocol.errors import ApiError
from chat.quotas.requests import Requests, Tally
from chat.quotas.sends import ATTEMPTS_PER_SEND, Sends
from tests.quotas.clock import Clock

ALICE, BOB = 1, 2


class Work:
    """Requests that last until the test ends them."""

    def __init__(self, requests: Requests) -> None:
        self.requests = requests
        self.begun: list[int] = []
        self.end = asyncio.Event()

    async def __call__(self, number: int, user_id: int = ALICE) -> None:
        async with self.requests.turn(user_id):
            self.begun.append(number)
            await self.end.wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_requests_over_the_limit_run_in_order() -> None:
    work = Work(Requests(2))
    tasks = [asyncio.create_task(work(number)) for number in range(5)]
    await settle()
    assert work.begun == [0, 1]
    bobs = asyncio.create_task(work(100, BOB))
    await settle()
    assert work.begun == [0, 1, 100]
    work.end.set()
    await asyncio.gather(*tasks, bobs)
    assert work.begun == [0, 1, 100, 2, 3, 4]
    assert not work.requests._limit._running


async def test_the_queue_is_limited() -> None:
    work = Work(Requests(1, waiting=1))
    tasks = [asyncio.create_task(work(number)) for number in range(2)]
    await settle()
    with pytest.raises(ApiError) as refused:
        await work(2)
    assert (refused.value.code, refused.value.status, refused.value.retryable) == ("too_many_requests", 429, True)
    work.end.set()
    await asyncio.gather(*tasks)
    await work(3)


async def test_waiting_requests_time_out() -> None:
    work = Work(Requests(1, wait_seconds=0.01))
    first = asyncio.create_task(work(0))
    await settle()
    with pytest.raises(ApiError, match="in progress"):
        await work(1)
    work.end.set()
    await first
    await work(2)
    assert not work.requests._limit._running


async def test_a_cancelled_request_leaves_the_queue() -> None:
    work = Work(Requests(1))
    tasks = [asyncio.create_task(work(number)) for number in range(3)]
    await settle()
    tasks[1].cancel()
    await settle()
    work.end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.begun == [0, 2]
    assert not work.requests._limit._running


def test_refused_send_attempts_are_counted_too() -> None:
    clock = Clock()
    sends = Sends(clock=clock)
    for _ in range(2 * ATTEMPTS_PER_SEND):
        sends.check(ALICE, per_minute=2)
    with pytest.raises(ApiError) as refused:
        sends.check(ALICE, per_minute=2)
    assert refused.value.code == "rate_limited"
    assert refused.value.retry_after is not None
    sends.check(BOB, per_minute=2)
    clock.now += refused.value.retry_after
    sends.check(ALICE, per_minute=2)


def test_a_tally_forgets_users_with_a_count_of_zero() -> None:
    tally = Tally()
    tally.add(ALICE)
    tally.add(ALICE)
    tally.remove(ALICE)
    assert (tally.count(ALICE), tally.count(BOB)) == (1, 0)
    tally.remove(ALICE)
    assert not tally._counts
