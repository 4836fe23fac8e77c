from __future__ import annotations

from chat.quotas.frames import FIRST_PAUSE_SECONDS, FORGIVEN_SECONDS, LONGEST_PAUSE_SECONDS, MISTAKES, Floods, Frames
from tests.quotas.clock import Clock

ALICE, BOB = 1, 2


def test_frames_per_second_are_limited() -> None:
    clock = Clock()
    frames = Frames(clock=clock)
    assert [bool(frames.take(ALICE, limit=2)) for _ in range(3)] == [False, False, True]
    assert not frames.take(BOB, limit=2)
    clock.now += 1
    assert not frames.take(ALICE, limit=2)


def test_repeated_floods_are_blocked_for_longer_each_time() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    pauses = [floods.happened(ALICE) for _ in range(MISTAKES)]
    assert pauses == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS]
    assert floods.wait(ALICE) == 0
    pause = floods.happened(ALICE)
    assert pause == 4 * FIRST_PAUSE_SECONDS
    assert floods.wait(ALICE) == pause
    assert floods.wait(BOB) == 0
    clock.now += pause
    assert floods.wait(ALICE) == 0
    for _ in range(2000):
        assert floods.happened(ALICE) <= LONGEST_PAUSE_SECONDS


def test_a_flood_is_forgiven_after_a_quiet_period() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    for _ in range(10):
        floods.happened(ALICE)
    clock.now += FORGIVEN_SECONDS
    assert floods.wait(ALICE) == 0
    assert floods.happened(ALICE) == FIRST_PAUSE_SECONDS


def test_old_floods_of_many_users_are_forgotten() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    for user_id in range(1024):
        floods.happened(user_id)
    clock.now += FORGIVEN_SECONDS
    floods.happened(5000)
    assert len(floods._floods) == 1
