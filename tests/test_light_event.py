from __future__ import annotations

import asyncio

import pytest

from chat.light_event import LightEvent


async def test_waiters_wake_even_if_the_event_is_cleared_immediately() -> None:
    flag = LightEvent()
    waiting = [asyncio.create_task(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)

    flag.set()
    flag.clear()

    await asyncio.gather(*waiting)
    assert not flag.is_set()


async def test_waiting_for_a_set_event_returns_immediately() -> None:
    flag = LightEvent()
    flag.set()
    flag.set()

    await flag.wait()

    assert flag.is_set()


async def test_a_cancelled_waiter_leaves_the_others_waiting() -> None:
    flag = LightEvent()
    leaving, staying = (asyncio.create_task(flag.wait()) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert not staying.done()

    flag.set()
    await staying
