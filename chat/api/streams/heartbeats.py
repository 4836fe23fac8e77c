"""How long a response may be silent, in seconds."""

from __future__ import annotations

from typing import Final

from django.conf import settings

# Below five seconds, the default read timeout of some HTTP clients.
LIVE_SECONDS: Final = 4.0


def idle() -> float:
    """While no run is live."""
    return float(settings.CHAT_HEARTBEAT_SECONDS)


def live() -> float:
    """While a run is live."""
    return min(LIVE_SECONDS, idle())
