"""The Redis channel layer for notices (chat/notices/channel.py)."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from channels_redis.core import RedisChannelLayer

# Longer than the 5 seconds for which the library blocks in Redis.
ANSWER_SECONDS: Final = 15.0


class NoticeLayer(RedisChannelLayer):  # type: ignore[misc]  # channels_redis is untyped
    """Never leaves keys in Redis for good, and waits at most ANSWER_SECONDS for a Redis that does not respond.

    The library sets some TTLs with a separate command. A process killed in between would leave a key without a TTL,
    which no other process uses, because each has its own channel name.
    """

    async def group_add(self, group: str, channel: str) -> None:
        key = self._group_key(group)
        async with self.connection(self.consistent_hash(group)).pipeline(transaction=True) as together:
            await together.zadd(key, {channel: time.time()}).expire(key, self.group_expiry).execute()

    async def _brpop_with_clean(self, index: int, channel: str, timeout: float) -> bytes | None:  # noqa: ASYNC109
        """Receive without the library's backup queue for messages in transit: a notice may be lost."""
        async with asyncio.timeout(ANSWER_SECONDS):
            found: tuple[bytes, bytes, float] | None = await self.connection(index).bzpopmin(channel, timeout=timeout)
        return found[1] if found else None

    async def _clean_receive_backup(self, index: int, channel: str) -> None:
        """There is no backup queue."""
