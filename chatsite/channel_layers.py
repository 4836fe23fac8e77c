"""What carries the notices between several processes."""

from __future__ import annotations

from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def redis_layer(url: str) -> dict[str, Any]:
    """One entry of CHANNEL_LAYERS."""
    return {
        "BACKEND": "chat.notices.redis_layer.NoticeLayer",
        "CONFIG": {
            # No socket_timeout: with one, redis-py 7 sends by `asyncio.wait_for`, which may swallow a cancellation in
            # Python 3.11: sockets would not end. The layer and those who publish have limits of their own.
            # A failure must be seen, not tried away: a Redis that comes back empty has forgotten who listens
            # (chat/notices/channel.py).
            "hosts": [{"address": url, "socket_timeout": None, "retry": Retry(NoBackoff(), 0)}],
            "prefix": "chat:notices",
            # Of a process, not of a socket.
            "capacity": 10_000,
            "group_expiry": 7 * 24 * 3600,
        },
    }
