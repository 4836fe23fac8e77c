"""How long a response may be silent, in seconds."""

from __future__ import annotations

from typing import Final

from django.conf import settings

# Below the five seconds after which HTTP clients give a silent response up, unless they are told otherwise.
LIVE_SECONDS: Final = 4.0


def idle() -> float:
    """While nothing is being written."""
    return float(settings.CHAT_HEARTBEAT_SECONDS)


def live() -> float:
    """While an answer is being written."""
    return min(LIVE_SECONDS, idle())
