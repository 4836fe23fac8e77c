"""Garbage collection without long pauses."""

from __future__ import annotations

import gc
from typing import Final

# A token creates dozens of objects, and reference counting frees nearly all of them: the collector can run less often.
YOUNG_OBJECTS: Final = 10_000


def settle() -> None:
    """Call this once all long-lived objects exist.

    Otherwise each full collection scans them again, mostly modules and classes: a tenth of a second in which every
    stream stands still.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
