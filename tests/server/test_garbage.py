from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from chat.server import garbage


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_existing_objects_are_frozen() -> None:
    lasting: list[object] = [[] for _ in range(1000)]
    garbage.settle()

    assert gc.get_freeze_count() > len(lasting)
    assert len(gc.get_objects()) < gc.get_freeze_count()


def test_new_garbage_is_still_collected() -> None:
    garbage.settle()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle

    assert gc.collect() >= 1
