"""The rare notices that keep every tab's sidebar true: a run began, a conversation was renamed.

They go over the channel layer, which may drop them when a reader is far behind: nothing but the sidebar's freshness
hangs on one. Tokens never go this way.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


async def publish(owner_id: int, notice: Mapping[str, Any]) -> None:
    """Tell every connection of this user. Never raises: what is told has happened, whoever hears of it."""
    try:
        await get_channel_layer().group_send(_group(owner_id), {"type": "notice", **notice})
    except Exception:
        logger.warning("A notice for user %s was not delivered.", owner_id, exc_info=True)


@asynccontextmanager
async def listen(owner_id: int) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The user's notices from now on, as objects with `type: "notice"`."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(_group(owner_id), channel)

    async def notices() -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await layer.receive(channel)

    try:
        yield notices()
    finally:
        await layer.group_discard(_group(owner_id), channel)


def _group(owner_id: int) -> str:
    return f"user.{owner_id}"
