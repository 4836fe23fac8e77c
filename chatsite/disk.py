"""Checks that the disk has free space."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

# A page of the write-ahead log, its index, and some spare.
ROOM_BYTES: Final = 64 * 1024


def try_to_write(directory: Path) -> None:
    """Write an unnamed temporary file, leaving nothing behind. Raises OSError: no space, permission or quota.

    Only a write can tell: permission bits do not show a read-only disk, nor free blocks a quota.
    """
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        file.write(bytes(ROOM_BYTES))
