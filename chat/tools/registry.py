"""The tools of a site, and the names under which a model knows them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from chat.providers import base as providers
from chat.tools.base import Tool, ToolFailed

ALIAS: Final = 64
# Named to a model that called a tool that does not exist.
NAMED: Final = 40

_OTHER: Final = re.compile(r"[^a-zA-Z0-9_-]")
# If several tools want the same name, these sources keep it: a remote server must not take a local tool's name.
_FIRST: Final = ("builtin", "local")
_HASH: Final = 6


class Registry:
    """Tools by key, and by alias: the name that a model sees, `^[a-zA-Z0-9_-]{1,64}$`.

    The alias is the tool's name, with `_` for other characters. One that is taken, or cut, ends in a hash of the key.
    Aliases are looked up, never taken apart. Everything is in the order of the keys or of the aliases, so that what is
    sent to a provider is the same each time.
    """

    def __init__(self, tools: Iterable[Tool]) -> None:
        by_key = {tool.key: tool for tool in tools}
        self._tools: Mapping[str, Tool] = MappingProxyType(dict(sorted(by_key.items())))
        self._aliases = _aliases(by_key)
        self._keys = {alias: key for key, alias in sorted(self._aliases.items(), key=lambda pair: pair[1])}

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, key: object) -> bool:
        return key in self._tools

    def get(self, key: str) -> Tool | None:
        return self._tools.get(key)

    def alias_of(self, key: str) -> str:
        """The alias of this tool; for one that does not exist, a name that a model may have called it by."""
        return self._aliases.get(key) or next(_candidates(key if ":" in key else f":{key}"))

    def only(self, keys: Collection[str]) -> Registry:
        """Those of these tools that exist, under the same aliases."""
        chosen = Registry(())
        chosen._tools = MappingProxyType({key: tool for key, tool in self._tools.items() if key in keys})
        chosen._aliases = {key: self._aliases[key] for key in chosen._tools}
        chosen._keys = {alias: key for alias, key in self._keys.items() if key in chosen._tools}
        return chosen

    def called(self, alias: str) -> Tool:
        """The tool that a model means. Raises ToolFailed unknown_tool."""
        key = self._keys.get(alias)
        if key is not None:
            return self._tools[key]
        names = ", ".join(list(self._keys)[:NAMED])
        hint = f"Your tools are: {names}." if names else "You have no tools."
        raise ToolFailed("unknown_tool", f"There is no tool of this name. {hint}")

    def offered(self) -> tuple[providers.Tool, ...]:
        """As a provider takes them: by alias."""
        tools = ((alias, self._tools[key]) for alias, key in self._keys.items())
        return tuple(providers.Tool(alias, tool.description, tool.parameters) for alias, tool in tools)


def _aliases(keys: Iterable[str]) -> dict[str, str]:
    """An alias for each key."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(keys, key=_rank):
        found[key] = next(alias for alias in _candidates(key) if alias not in taken)
        taken.add(found[key])
    return found


def _rank(key: str) -> tuple[int, str]:
    source = key.partition(":")[0]
    return (_FIRST.index(source) if source in _FIRST else len(_FIRST)), key


def _candidates(key: str) -> Iterator[str]:
    plain = _OTHER.sub("_", key.partition(":")[2])
    if 0 < len(plain) <= ALIAS:
        yield plain
    digest = hashlib.sha256(key.encode()).hexdigest()
    for length in range(_HASH, len(digest) + 1):
        suffix = digest[:length]
        yield f"{plain[: max(ALIAS - length - 1, 0)]}_{suffix}"[:ALIAS]
