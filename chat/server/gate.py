from __future__ import annotations

import asyncio

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from chat.light_event import LightEvent


@implementer(IPushProducer)
class WriteGate:
    """Shut while a connection's write buffer is over its limit, open otherwise.

    Twisted tells only a registered "push producer" that the buffer has filled (64 KiB) or run empty, so the gate
    poses as one. Once the connection is gone it stays open: nobody waits for a reader that will not come back.
    """

    def __init__(self) -> None:
        self._open = LightEvent()
        self._open.set()
        self._finished = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection with room for more."""
        return self._open.is_set() and not self._finished

    async def passed(self) -> None:
        """Returns when there is room for more, or when there is no connection any more."""
        if self._finished:
            # An application that sends on and on before it looks whether somebody listens would hold up everybody.
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
