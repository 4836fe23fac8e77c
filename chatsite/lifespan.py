"""The beginning and the end of a server that tells of them (ASGI lifespan): uvicorn, not plain Daphne."""

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

from chat.generation.engine import Engine, engine

logger = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
Message = dict[str, Any]


async def lifespan(scope: Any, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """Makes the engine before the first request, and drains and closes it at the end."""
    await receive()
    try:
        ending = Shutdown(await engine())
    except Exception as error:
        logger.exception("The application cannot begin.")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    ending.begins_with_a_signal()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await ending.begin()
    await send({"type": "lifespan.shutdown.complete"})


class Shutdown:
    """The end of an engine, once, whoever begins it."""

    def __init__(self, chat: Engine) -> None:
        self._chat = chat
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        if self._task is None:
            # In a fresh context: a signal may come in the middle of any request.
            self._task = asyncio.get_running_loop().create_task(self._end(), context=contextvars.Context())
        return self._task

    def begins_with_a_signal(self) -> None:
        """The server says nothing before its connections have ended, and without this its streams would not."""
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
    """Before what the server does at this signal. One that it leaves to the system is left to it."""
    before = signal.getsignal(number)
    if not callable(before):
        return

    def heard(signum: int, frame: FrameType | None) -> None:
        act()
        before(signum, frame)

    signal.signal(number, heard)
