"""Whether there is room on the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

# A page of the write-ahead log, its index, and some more.
ROOM_BYTES: Final = 64 * 1024


def try_to_write(directory: Path) -> None:
    """Write something there that nobody sees, and leave nothing behind. Raises OSError: no space, no rights, no quota.

    Only writing tells: permission bits know nothing of a read-only disk, and free blocks nothing of a quota.
    """
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        file.write(bytes(ROOM_BYTES))
