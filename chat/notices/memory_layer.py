"""The in-process channel layer for notices (chat/notices/channel.py)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer


class MemoryLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels is untyped
    """InMemoryChannelLayer without expiry.

    For each notice, the library's scans all groups for expired messages and creates a task per listener. Notices need
    no expiry: listeners receive them at once (channel.py), and a channel holds at most `capacity`.
    """

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        for channel in tuple(self.groups.get(group, ())):
            with suppress(ChannelFull):
                await self.send(channel, message)

    def _clean_expired(self) -> None:
        """Nothing expires."""
