"""Time zones by their IANA names, such as Europe/Berlin."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

NAME: Final = 64


def zone_of(name: str) -> tzinfo | None:
    """The zone, or None if this server does not know the name. Never raises, whatever the text."""
    if name.upper() == "UTC":
        return UTC
    if not name or len(name) > NAME:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # Also for a name that is a path or a directory.
        return None
