"""The channel layer in Redis that notices go over (chat/notices/channel.py)."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from channels_redis.core import RedisChannelLayer

# Longer than the 5 seconds that the library lets Redis wait for messages at a time.
ANSWER_SECONDS: Final = 15.0


class NoticeLayer(RedisChannelLayer):  # type: ignore[misc]  # channels_redis is untyped
    """Leaves nothing in Redis for ever, and waits no longer than ANSWER_SECONDS for a Redis that fell silent.

    The library gives some keys their end by a command of its own: after a process that is killed between the two they
    would stay without one, for nobody, as each process listens under a name of its own.
    """

    async def group_add(self, group: str, channel: str) -> None:
        key = self._group_key(group)
        async with self.connection(self.consistent_hash(group)).pipeline(transaction=True) as together:
            await together.zadd(key, {channel: time.time()}).expire(key, self.group_expiry).execute()

    async def _brpop_with_clean(self, index: int, channel: str, timeout: float) -> bytes | None:  # noqa: ASYNC109
        """Without the library's second place, which keeps a message while it is being taken: a notice may be lost."""
        async with asyncio.timeout(ANSWER_SECONDS):
            found: tuple[bytes, bytes, float] | None = await self.connection(index).bzpopmin(channel, timeout=timeout)
        return found[1] if found else None

    async def _clean_receive_backup(self, index: int, channel: str) -> None:
        """There is none."""
