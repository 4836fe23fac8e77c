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
    next_turn,
)


class Line:
    """A connection that notes what it is told."""

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


async def test_a_fast_model_is_not_held_up() -> None:
    line = Line()
    with ReadThrottle(line) as pace:
        pace.read(FULL_BYTES)
        await pace.turn()

    assert line.told == ["resume"]


async def test_a_stream_counts_from_its_beginning_to_its_end_however_it_ends() -> None:
    async def fail() -> None:
        with ReadThrottle(Line()):
            raise ConnectionResetError

    before = ReadThrottle.streams()
    with ReadThrottle(Line()):
        assert ReadThrottle.streams() == before + 1
        await asyncio.gather(fail(), return_exceptions=True)
        assert ReadThrottle.streams() == before + 1
    assert ReadThrottle.streams() == before
