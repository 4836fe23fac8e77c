"""The channel layer in Redis that notices go over (chat/notices.py)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from channels_redis.core import RedisChannelLayer
from redis.exceptions import RedisError

# Longer than the 5 seconds that the library lets Redis wait for messages at a time.
ANSWER_SECONDS: Final = 15.0


class NoticeLayer(RedisChannelLayer):  # type: ignore[misc]  # channels_redis is untyped
    """Leaves nothing in Redis for ever, and waits no longer than ANSWER_SECONDS for a Redis that fell silent.

    The library keeps a message that a process is taking until it has been taken. Of a process that is killed just
    then it would be kept without an end, for nobody: each process listens under a name of its own.
    """

    async def _brpop_with_clean(self, index: int, channel: str, timeout: float) -> bytes | None:  # noqa: ASYNC109
        async with asyncio.timeout(ANSWER_SECONDS):
            message: bytes | None = await super()._brpop_with_clean(index, channel, timeout)
            if message is not None:
                await self.connection(index).expire(self._backup_channel_name(channel), int(self.expiry))
            return message

    async def _clean_receive_backup(self, index: int, channel: str) -> None:
        """The library's task, which nobody awaits: with a Redis that falls silent its failure would be logged as lost.

        What it does not take away then has an end by itself.
        """
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await super()._clean_receive_backup(index, channel)
