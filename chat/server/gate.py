from __future__ import annotations

import asyncio

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from chat.light_event import LightEvent


@implementer(IPushProducer)
class WriteGate:
    """Closed while a connection's write buffer is over its limit, open otherwise.

    Twisted reports a full (64 KiB) or empty buffer only to a registered "push producer", so the gate acts as one.
    Once the connection is gone it stays open: nothing waits for a client that will not come back.
    """

    def __init__(self) -> None:
        self._open = LightEvent()
        self._open.set()
        self._finished = False

    @property
    def is_open(self) -> bool:
        """Whether the connection exists and has room in its buffer."""
        return self._open.is_set() and not self._finished

    async def passed(self) -> None:
        """Return when there is room in the buffer, or when the connection is gone."""
        if self._finished:
            # Yield: an application that keeps sending without checking for a disconnect would block the event loop.
            await asyncio.sleep(0)
        await self._open.wait()

    def finish(self) -> None:
        self._finished = True
        self._open.set()

    # The names below are Twisted's.

    def pauseProducing(self) -> None:  # noqa: N802
        if not self._finished:
            self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._open.set()

    def stopProducing(self) -> None:  # noqa: N802
        self.finish()
