"""The rare notices that keep every tab's sidebar true: a run began, a conversation was renamed.

They go over the channel layer, which may drop them when a reader is far behind: nothing but the sidebar's freshness
hangs on one. Tokens never go this way.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

# Who publishes a notice has something better to do than to wait for a layer that does not answer.
LAYER_SECONDS: Final = 2.0
LISTEN_AGAIN_SECONDS: Final = 1.0
JOIN_AGAIN_SECONDS: Final = 15.0


async def publish(owner_id: int, notice: Mapping[str, Any]) -> None:
    """Tell every connection of this user. Never raises: what is told has happened, whoever hears of it."""
    try:
        async with asyncio.timeout(LAYER_SECONDS):
            await get_channel_layer().group_send(_group(owner_id), {"type": "notice", **notice})
    except Exception:
        logger.warning("A notice for user %s was not delivered.", owner_id, exc_info=True)


@asynccontextmanager
async def listen(owner_id: int) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The user's notices from now on, as objects with `type: "notice"`. Goes on when the layer was away."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    membership = _Membership.of_this_loop()
    await membership.add(owner_id, channel)

    async def notices() -> AsyncIterator[dict[str, Any]]:
        while True:
            try:
                notice = await layer.receive(channel)
            except Exception:
                logger.warning("Notices for user %s are not heard for now.", owner_id, exc_info=True)
                await asyncio.sleep(LISTEN_AGAIN_SECONDS)
                await membership.join(owner_id, channel)
            else:
                yield notice

    try:
        yield notices()
    finally:
        await membership.remove(owner_id, channel)


class _Membership:
    """The channels that listen in this event loop. A layer that has forgotten them is told again, in time."""

    _of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Membership] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._members: set[tuple[int, str]] = set()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of_this_loop(cls) -> _Membership:
        return cls._of_loops.setdefault(asyncio.get_running_loop(), cls())

    async def add(self, owner_id: int, channel: str) -> None:
        self._members.add((owner_id, channel))
        if self._task is None:
            # In a fresh context, as it outlives whoever listens first.
            self._task = asyncio.get_running_loop().create_task(self._repeat(), context=contextvars.Context())
        await self.join(owner_id, channel)

    async def remove(self, owner_id: int, channel: str) -> None:
        self._members.discard((owner_id, channel))
        if not self._members and self._task is not None:
            self._task.cancel()
            self._task = None
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await get_channel_layer().group_discard(_group(owner_id), channel)
        except Exception:
            logger.debug("A listener of user %s did not say goodbye.", owner_id, exc_info=True)

    async def join(self, owner_id: int, channel: str) -> None:
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await get_channel_layer().group_add(_group(owner_id), channel)
        except Exception:
            logger.warning("Notices for user %s are not heard for now.", owner_id, exc_info=True)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(JOIN_AGAIN_SECONDS)
            for owner_id, channel in list(self._members):
                if (owner_id, channel) in self._members:
                    await self.join(owner_id, channel)


def _group(owner_id: int) -> str:
    return f"user.{owner_id}"
