"""Publishes and receives the rare notices that keep every tab's sidebar current: run started, conversation renamed.

They use the channel layer, which may drop them for slow readers: only the freshness of the sidebar depends on them.
Tokens are never sent this way.

Each process has a single receiver for all its listeners: one per socket would cost two tasks each.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from chat.light_event import LightEvent

logger = logging.getLogger(__name__)

# Publishing must never wait for a channel layer that does not respond.
LAYER_SECONDS: Final = 2.0
LISTEN_AGAIN_SECONDS: Final = 1.0
JOIN_AGAIN_SECONDS: Final = 15.0
# Per listener. Beyond this, the oldest notices are dropped.
BACKLOG: Final = 100


async def publish(owner_id: int, notice: Mapping[str, Any]) -> None:
    """Send a notice to every connection of this user. Never raises: a lost notice must not fail its caller."""
    try:
        async with asyncio.timeout(LAYER_SECONDS):
            message = {"type": "notice", "owner_id": owner_id, **notice}
            await get_channel_layer().group_send(_group(owner_id), message)
    except Exception as error:  # noqa: BLE001  (each layer raises another class)
        logger.warning("notices: publishing failed for user %s: %r", owner_id, error)


@asynccontextmanager
async def listen(owner_id: int) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The user's notices from now on, as objects with `type: "notice"`. Survives outages of the layer.

    All listeners of a user share the same object and must not change it.
    """
    layer = get_channel_layer()
    reception = _Reception.of_this_loop(layer, await layer.new_channel())
    listener = _Listener()
    try:
        await reception.add(owner_id, listener)
        yield listener.notices()
    finally:
        await reception.remove(owner_id, listener)


class _Listener:
    """The unread notices of one connection."""

    __slots__ = ("_arrived", "_unread")

    def __init__(self) -> None:
        self._arrived = LightEvent()
        self._unread: list[dict[str, Any]] = []

    def put(self, notice: dict[str, Any]) -> None:
        if len(self._unread) == BACKLOG:
            del self._unread[0]
        self._unread.append(notice)
        self._arrived.set()

    async def notices(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._unread:
                yield self._unread.pop(0)


class _Owner:
    """A user with listeners in this process. `is_joined`: whether the layer's group has been joined."""

    __slots__ = ("is_joined", "listeners")

    def __init__(self) -> None:
        self.is_joined = False
        self.listeners: list[_Listener] = []


class _Reception:
    """All listeners of this event loop, behind one channel. Rejoins groups that the layer has lost.

    Ends with its last listener.
    """

    _of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Reception] = WeakKeyDictionary()

    def __init__(self, layer: Any, channel: str) -> None:
        self._layer = layer
        self._channel = channel
        self._owners: dict[int, _Owner] = {}
        self._leaving: dict[int, asyncio.Task[None]] = {}
        self._forgotten = LightEvent()
        # In a fresh context, because they outlive the first listener.
        self._tasks = [
            asyncio.get_running_loop().create_task(each, context=contextvars.Context())
            for each in (self._receive(), self._join_again())
        ]

    @classmethod
    def of_this_loop(cls, layer: Any, channel: str) -> _Reception:
        """This event loop's reception. `channel` is used if a new one is created."""
        loop = asyncio.get_running_loop()
        if loop not in cls._of_loops:
            cls._of_loops[loop] = cls(layer, channel)
        return cls._of_loops[loop]

    async def add(self, owner_id: int, listener: _Listener) -> None:
        owner = self._owners.setdefault(owner_id, _Owner())
        owner.listeners.append(listener)
        if leaving := self._leaving.get(owner_id):
            # Otherwise the layer could process the leave after the join and undo it.
            await asyncio.wait([leaving])
        if not owner.is_joined:
            await self._join(owner_id, owner)

    async def remove(self, owner_id: int, listener: _Listener) -> None:
        owner = self._owners[owner_id]
        owner.listeners.remove(listener)
        if owner.listeners:
            return
        del self._owners[owner_id]
        if not self._owners:
            self._end()
        if owner_id not in self._leaving:
            leaving = asyncio.get_running_loop().create_task(self._leave(owner_id), context=contextvars.Context())
            self._leaving[owner_id] = leaving
            leaving.add_done_callback(lambda _: self._leaving.pop(owner_id))
        await asyncio.wait([self._leaving[owner_id]])

    def _end(self) -> None:
        del self._of_loops[asyncio.get_running_loop()]
        for task in self._tasks:
            task.cancel()

    async def _join(self, owner_id: int, owner: _Owner) -> bool:
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.group_add(_group(owner_id), self._channel)
        except Exception as error:  # noqa: BLE001
            logger.warning("notices: joining the group failed for user %s: %r", owner_id, error)
            return False
        owner.is_joined = True
        return True

    async def _leave(self, owner_id: int) -> None:
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.group_discard(_group(owner_id), self._channel)
        except Exception:
            logger.debug("notices: leaving the group failed for user %s", owner_id, exc_info=True)

    async def _receive(self) -> None:
        while True:
            try:
                notice = await self._layer.receive(self._channel)
            except Exception as error:  # noqa: BLE001  (each layer raises another class)
                # Logged every second during an outage, so without a traceback.
                logger.warning("notices: receiving failed, retrying: %r", error)
                await asyncio.sleep(LISTEN_AGAIN_SECONDS)
                self._forgotten.set()
            else:
                self._deliver(notice)

    def _deliver(self, notice: dict[str, Any]) -> None:
        # None if they have just left and the layer has not processed that yet.
        owner = self._owners.get(notice.pop("owner_id", 0))
        for listener in owner.listeners if owner else ():
            listener.put(notice)

    async def _join_again(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(JOIN_AGAIN_SECONDS):
                    await self._forgotten.wait()
            self._forgotten.clear()
            await self._join_all()

    async def _join_all(self) -> None:
        for owner_id, owner in list(self._owners.items()):
            if owner is not self._owners.get(owner_id) or owner_id in self._leaving:
                continue
            if not await self._join(owner_id, owner):
                # The layer does not respond: skip the other users this time.
                return


def _group(owner_id: int) -> str:
    return f"user.{owner_id}"
