"""What is said of a full table of file descriptors, and how often."""

from __future__ import annotations

import logging
import time
from typing import Final

from chatsite import descriptors

logger = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 60.0
_told_at = -AGAIN_SECONDS


def tell() -> None:
    """One line a minute, however many are sent away meanwhile."""
    global _told_at
    now = time.monotonic()
    if now - _told_at >= AGAIN_SECONDS:
        _told_at = now
        logger.error(
            "server: no file descriptors left for new connections (limit %d): they get 503. Raise the hard limit: "
            "ulimit -Hn, LimitNOFILE= of systemd, or ulimits of Compose.",
            descriptors.limit(),
        )
