"""Collections of cyclic garbage that hold nobody up."""

from __future__ import annotations

import gc
from typing import Final

# A token makes dozens of objects, and nearly all of them end without the collector: it need not look so often.
YOUNG_OBJECTS: Final = 10_000


def settle() -> None:
    """To be called when everything that lasts as long as the process has been made.

    A full collection would look at all of it again each time, modules and classes above all: a tenth of a second in
    which every stream stands still.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
