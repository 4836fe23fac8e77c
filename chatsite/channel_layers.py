"""The channel layer that carries notices between processes."""

from __future__ import annotations

from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def redis_layer(url: str) -> dict[str, Any]:
    """An entry of CHANNEL_LAYERS."""
    return {
        "BACKEND": "chat.notices.redis_layer.NoticeLayer",
        "CONFIG": {
            # No socket_timeout: with one, redis-py 7 sends through `asyncio.wait_for`, which may swallow a
            # cancellation in Python 3.11, so sockets would not end. The layer and its publishers have their own
            # timeouts. No retries, as failures must be visible: a Redis that comes back empty has lost its
            # subscriptions (chat/notices/channel.py).
            "hosts": [{"address": url, "socket_timeout": None, "retry": Retry(NoBackoff(), 0)}],
            "prefix": "chat:notices",
            # Per process, not per socket.
            "capacity": 10_000,
            "group_expiry": 7 * 24 * 3600,
        },
    }
