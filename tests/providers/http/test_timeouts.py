from __future__ import annotations

import asyncio

import pytest

from chat.providers.base import TimedOut
from chat.providers.http.timeouts import Timeouts


async def never() -> None:
    await asyncio.Event().wait()


async def at_once(value: str) -> str:
    return value


async def test_wait_returns_the_result() -> None:
    with Timeouts(first=1, idle=1, settle=1) as patience:
        assert await patience.wait(at_once("here")) == "here"


async def test_it_ends_a_wait_that_takes_too_long_and_leaves_the_task_alive() -> None:
    task = asyncio.current_task()
    assert task is not None
    with Timeouts(first=0.01, idle=5, settle=5) as patience:
        with pytest.raises(TimedOut, match="did not start answering"):
            await patience.wait(never())

        assert task.cancelling() == 0
        assert await at_once("the task goes on") == "the task goes on"


async def test_the_timeout_depends_on_the_phase_of_the_answer() -> None:
    with Timeouts(first=60, idle=0.02, settle=0.01) as patience:
        await patience.wait(at_once("first"))
        patience.heard()
        with pytest.raises(TimedOut, match=r"0\.02 seconds"):
            await patience.wait(never())
        patience.heard()
        patience.settle()
        with pytest.raises(TimedOut, match=r"0\.01 seconds"):
            await patience.wait(never())


async def lives(patience: Timeouts) -> None:
    while True:
        await patience.wait(asyncio.sleep(0.005))
        patience.alive()


async def test_signs_of_life_extend_the_timeout_up_to_a_limit() -> None:
    with Timeouts(first=0.1, idle=0.1, settle=1) as patience:
        with pytest.raises(TimedOut, match=r"did not start answering within 1 seconds"):
            await lives(patience)
        patience.heard()
        with pytest.raises(TimedOut, match=r"nothing arrived for 0\.3 seconds"):
            await lives(patience)


async def test_silence_after_a_sign_of_life_has_the_usual_timeout() -> None:
    with Timeouts(first=0.2, idle=1, settle=1) as patience:
        await patience.wait(asyncio.sleep(0.12))
        patience.alive()
        await patience.wait(asyncio.sleep(0.12))
        patience.alive()
        with pytest.raises(TimedOut, match=r"0\.2 seconds"):
            await patience.wait(never())


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def wait() -> None:
        with Timeouts(first=60, idle=60, settle=60) as patience:
            waiting.set()
            await patience.wait(never())

    waiting = asyncio.Event()
    task = asyncio.create_task(wait())
    await waiting.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_coinciding_with_the_timeout_is_not_swallowed() -> None:
    async def wait() -> None:
        with Timeouts(first=0.0, idle=60, settle=60) as patience:
            # The due timer and this cancellation run in the same loop iteration.
            asyncio.get_running_loop().call_later(0, task.cancel)
            await patience.wait(never())

    task = asyncio.create_task(wait())

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_enclosing_timeout_is_told_apart() -> None:
    with Timeouts(first=60, idle=60, settle=60) as patience, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await patience.wait(never())


async def test_no_timer_is_left_behind() -> None:
    with Timeouts(first=60, idle=60, settle=60) as patience:
        await patience.wait(at_once("x"))
        timer = patience._timer
        assert timer is not None

    assert timer.cancelled()
