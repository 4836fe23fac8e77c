"""The providers of a process, by name: each created on first use, all closed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from chat.providers.base import Provider


class Registry(Mapping[str, Provider]):
    """`registry["openai"]` returns the same object each time. Raises KeyError for an unknown name."""

    def __init__(self, makers: Mapping[str, Callable[[], Provider]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Provider] = {}

    def __getitem__(self, name: str) -> Provider:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    async def close(self) -> None:
        """Close all created providers for the running event loop. The registry can be used again afterwards."""
        for provider in self._made.values():
            await provider.close()
