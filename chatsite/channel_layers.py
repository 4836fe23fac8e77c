"""What carries the notices between several processes."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

ANSWER_SECONDS: Final = 15


def redis_layer(url: str, *, seconds: float | None = ANSWER_SECONDS) -> dict[str, Any]:
    """One entry of CHANNEL_LAYERS. `seconds`: how long Redis may leave a command without an answer.

    The layer lets Redis wait for messages for 5 seconds at a time, longer than which this has to be; and it must not
    be for ever: a machine that went away without a word would never be found out.
    """
    return {
        "BACKEND": "chat.notice_layer.NoticeLayer",
        "CONFIG": {
            # A failure must be seen, not tried away: a Redis that comes back empty has forgotten who listens
            # (chat/notices.py).
            "hosts": [{"address": url, "socket_timeout": seconds, "retry": Retry(NoBackoff(), 0)}],
            "prefix": "chat:notices",
            # Of a process, not of a socket.
            "capacity": 10_000,
            "group_expiry": 7 * 24 * 3600,
        },
    }
