"""The channel layer of one process that notices go over (chat/notices/channel.py)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer


class MemoryLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels is untyped
    """As the library's, which for each notice walks through the groups of all people, and makes a task for a listener.

    It looks there for what is too old. Here nothing is: what listens takes what comes at once (channel.py), and a
    channel holds `capacity` notices at most.
    """

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        for channel in tuple(self.groups.get(group, ())):
            with suppress(ChannelFull):
                await self.send(channel, message)

    def _clean_expired(self) -> None:
        """Nothing expires."""
