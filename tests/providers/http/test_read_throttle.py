"""How often a stream is read."""

from __future__ import annotations

import asyncio

import pytest

from chat.providers.http.read_throttle import (
    EVERY_SECONDS,
    FULL_BYTES,
    SELDOM_SECONDS,
    TICK_SECONDS,
    ReadThrottle,
    Ticks,
    next_turn,
)

# A timer may be a little early.
TIMER_SECONDS = 0.002


class Line:
    """A connection that records its calls."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def look(self) -> None:
        self.told.append("look")

    def resume(self) -> None:
        self.told.append("resume")


@pytest.mark.parametrize("streams", [1, 50, 200, 400, 10_000])
@pytest.mark.parametrize("now", [0.0, 1234.567, 98765.4321])
def test_turns_fall_on_ticks_and_are_neither_frequent_nor_rare(now: float, streams: int) -> None:
    turn = next_turn(now, streams)

    assert turn / TICK_SECONDS == pytest.approx(round(turn / TICK_SECONDS))
    half = TICK_SECONDS / 2 + 1e-6
    assert turn - now >= EVERY_SECONDS - half
    assert turn - now <= SELDOM_SECONDS + half


def test_many_streams_are_read_less_often() -> None:
    assert next_turn(0.0, 1) == pytest.approx(EVERY_SECONDS)
    assert next_turn(0.0, 50) == pytest.approx(EVERY_SECONDS)
    assert next_turn(0.0, 400) == pytest.approx(SELDOM_SECONDS)


async def test_the_connection_is_paused_between_turns_only() -> None:
    line = Line()
    with ReadThrottle(line) as pace:
        await pace.turn()
        assert line.told == ["resume"]

        pace.read(100)
        await pace.turn()
        assert line.told == ["resume", "pause", "look"]


async def test_a_fast_model_is_not_slowed_down() -> None:
    line = Line()
    with ReadThrottle(line) as pace:
        pace.read(FULL_BYTES)
        await pace.turn()

    assert line.told == ["resume"]


async def test_a_stream_is_counted_until_it_ends_in_any_way() -> None:
    async def fail() -> None:
        with ReadThrottle(Line()):
            raise ConnectionResetError

    before = ReadThrottle.streams()
    with ReadThrottle(Line()):
        assert ReadThrottle.streams() == before + 1
        await asyncio.gather(fail(), return_exceptions=True)
        assert ReadThrottle.streams() == before + 1
    assert ReadThrottle.streams() == before


async def test_streams_that_wait_for_one_tick_share_a_timer_and_each_may_leave() -> None:
    loop = asyncio.get_running_loop()
    ticks = Ticks.of_this_loop()
    tick = loop.time() + 0.01
    timers = []
    call_at = loop.call_at
    loop.call_at = lambda *args, **named: timers.append(args) or call_at(*args, **named)  # type: ignore[method-assign,assignment,func-returns-value]
    waiting = [asyncio.create_task(ticks.reached(loop, tick)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.wait(waiting)

    assert [task.cancelled() for task in waiting] == [False, True, False]
    assert len(timers) == 1
    assert loop.time() >= tick - TIMER_SECONDS
