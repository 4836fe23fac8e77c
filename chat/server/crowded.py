"""Logs that file descriptors have run out, at a limited rate."""

from __future__ import annotations

import logging
import time
from typing import Final

from chatsite import descriptors

logger = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 60.0
_told_at = -AGAIN_SECONDS


def tell() -> None:
    """Log one line per minute, however many connections are refused."""
    global _told_at
    now = time.monotonic()
    if now - _told_at >= AGAIN_SECONDS:
        _told_at = now
        logger.error(
            "server: no file descriptors left (limit %d), new connections get 503. Raise the hard limit: ulimit -Hn, "
            "LimitNOFILE= in systemd, or ulimits in Compose.",
            descriptors.limit(),
        )
