"""The providers of a process, by name: each made when it is first asked for, all closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from chat.providers.base import Provider


class Registry(Mapping[str, Provider]):
    """`registry["openai"]`: the same object each time. A name that no provider has is a KeyError."""

    def __init__(self, makers: Mapping[str, Callable[[], Provider]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Provider] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __getitem__(self, name: str) -> Provider:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def hold(self, task: asyncio.Task[None]) -> None:
        """A task that looks after the providers: `close` breaks it off."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Closes what was made, for the running event loop. The registry can be used again afterwards."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for provider in self._made.values():
            await provider.close()
