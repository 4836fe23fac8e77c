"""The providers of a process, by name: each created on first use, replaced while the process runs, closed together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakSet, ref

from chat.providers.base import Delta, Provider, Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replaceable:
    """A provider that may be replaced. `version`: another one is another provider. `is_demo`: as the provider says."""

    version: object
    make: Callable[[], Provider]
    is_demo: bool = False


class Registry(Mapping[str, Provider]):
    """`registry["openai"]` returns the same object each time. Raises KeyError for an unknown name.

    `makers`: those that stay for the life of the process. `replace` changes all others.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Provider]], *, demos: frozenset[str] = frozenset()) -> None:
        self._makers = dict(makers)
        self._own_demos = demos
        self._made: dict[str, Provider] = {}
        self._others: dict[str, Replaceable] = {}
        self._retired: list[_Retired] = []

    def __getitem__(self, name: str) -> Provider:
        if name not in self._made:
            own = self._makers.get(name)
            self._made[name] = own() if own else _Lent(self._others[name].make())
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._makers, *self._others))

    def __len__(self) -> int:
        return len(self._makers) + len(self._others)

    @property
    def demos(self) -> frozenset[str]:
        """The names of those whose answers are pre-written."""
        return self._own_demos | {name for name, each in self._others.items() if each.is_demo}

    def replace(self, others: Mapping[str, Replaceable]) -> None:
        """From now on, there are these besides the own ones, which keep their names.

        Answers that have begun go on with what they began with; `tidy` closes it afterwards.
        """
        others = {name: each for name, each in others.items() if name not in self._makers}
        for name, before in self._others.items():
            after = others.get(name)
            if after is None or after.version != before.version:
                made = self._made.pop(name, None)
                if isinstance(made, _Lent):
                    self._retired.append(_Retired(made.provider, made.streams, ref(made)))
        self._others = others

    async def tidy(self) -> None:
        """Close the replaced providers that write no answer. Call it again and again: some still do.

        One that cannot be closed is logged and forgotten.
        """
        left = []
        for each in self._retired:
            if not each.is_used:
                try:
                    await each.provider.close()
                except Exception:
                    logger.exception("providers: closing a replaced provider failed")
                    continue
            # A run that has it may not have begun its stream yet.
            if each.is_used or each.lent() is not None:
                left.append(each)
        self._retired = left

    async def close(self) -> None:
        """Close all created providers for the running event loop. The registry can be used again afterwards.

        One that cannot be closed is logged.
        """
        made = (*self._made.values(), *(each.provider for each in self._retired))
        for failure in await asyncio.gather(*(provider.close() for provider in made), return_exceptions=True):
            if isinstance(failure, Exception):
                logger.error("providers: closing a provider failed", exc_info=failure)


@dataclass(frozen=True, slots=True)
class _Retired:
    """A replaced provider, the answers that were begun with it, and what runs hold of it."""

    provider: Provider
    streams: WeakSet[AsyncGenerator[Delta, None]]
    lent: ref[_Lent]

    @property
    def is_used(self) -> bool:
        return any(getattr(stream, "ag_frame", None) is not None for stream in self.streams)


class _Lent:
    """A provider that knows the answers begun with it. Adds nothing to the way of a delta."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.name = provider.name
        self.is_demo = provider.is_demo
        self.streams: WeakSet[AsyncGenerator[Delta, None]] = WeakSet()

    def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        stream = self.provider.stream(request)
        self.streams.add(stream)
        return stream

    async def models(self) -> tuple[str, ...]:
        return await self.provider.models()

    async def close(self) -> None:
        await self.provider.close()
