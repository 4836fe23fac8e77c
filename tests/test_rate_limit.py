from __future__ import annotations

from chat.rate_limit import SWEEP_AT, SlidingWindow
from tests.quotas.clock import Clock


class CountedSweeps(SlidingWindow):
    sweeps = 0

    def _sweep(self, now: float) -> None:
        self.sweeps += 1
        super()._sweep(now)


def test_quiet_keys_are_forgotten() -> None:
    clock = Clock()
    window = CountedSweeps(1.0, clock=clock)
    for key in range(SWEEP_AT):
        window.take(key, limit=1)
    clock.now += 1
    window.take("one more", limit=1)
    assert len(window._events) == 1


def test_thousands_of_busy_keys_are_swept_rarely() -> None:
    window = CountedSweeps(1.0, clock=Clock())
    for _ in range(3):
        for key in range(4 * SWEEP_AT):
            window.take(key, limit=10)
    assert window.sweeps <= 3
