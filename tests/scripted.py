"""A provider that a test scripts step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from chat.providers.base import Delta, Finish, Request, TextDelta


class ScriptedProvider:
    """Answers from a queue: deltas are yielded, exceptions raised, and None ends the answer without a Finish.

    `open` counts the answers under way: 0 means that every upstream connection is closed.
    """

    name = "scripted"
    is_demo = False

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.open = 0
        self.asked = asyncio.Event()
        self._script: asyncio.Queue[Delta | Exception | None] = asyncio.Queue()

    def say(self, *parts: str) -> None:
        for part in parts:
            self._script.put_nowait(TextDelta(part))

    def put(self, *items: Delta | Exception | None) -> None:
        for item in items:
            self._script.put_nowait(item)

    def finish(self, reason: str = "stop") -> None:
        self._script.put_nowait(Finish(reason))  # type: ignore[arg-type]

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        self.requests.append(request)
        self.asked.set()
        self.open += 1
        try:
            while True:
                item = await self._script.get()
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item
                if isinstance(item, Finish):
                    return
        finally:
            self.open -= 1

    async def models(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        return
