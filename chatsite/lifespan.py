"""Startup and shutdown under servers that support ASGI lifespan: uvicorn, not plain Daphne."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from django.conf import settings

from chat.generation.bootstrap import engine
from chat.generation.engine import Engine

logger = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
Message = dict[str, Any]


async def lifespan(scope: Any, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """Creates the engine before the first request; drains and closes it at shutdown."""
    await receive()
    try:
        ending = Shutdown(await engine())
    except Exception as error:
        logger.exception("lifespan: startup failed")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    ending.begins_with_a_signal()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await ending.begin()
    await send({"type": "lifespan.shutdown.complete"})


class Shutdown:
    """The engine's shutdown, which runs only once."""

    def __init__(self, chat: Engine) -> None:
        self._chat = chat
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        if self._task is None:
            # In a fresh context: a signal may arrive in the middle of any request.
            self._task = asyncio.get_running_loop().create_task(self._end(), context=contextvars.Context())
        return self._task

    def begins_with_a_signal(self) -> None:
        """Begin at the signal: the server reports a shutdown only after its connections end, and streams would not."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            _also(number, lambda: loop.call_soon_threadsafe(self.begin))

    async def _end(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.CHAT_DRAIN):
                await self._chat.drain()
        await self._chat.close()


def _also(number: signal.Signals, act: Callable[[], Any]) -> None:
    """Call `act` before the server's own handler of this signal. Does nothing if it has no handler."""
    before = signal.getsignal(number)
    if not callable(before):
        return

    def heard(signum: int, frame: FrameType | None) -> None:
        act()
        before(signum, frame)

    signal.signal(number, heard)
