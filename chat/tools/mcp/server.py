"""How to reach a server, and what must never come back from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from chat.tools.base import TIMEOUT_SECONDS

# A shorter one could be a part of anything.
SECRET_CHARACTERS: Final = 6
REMOVED: Final = "[removed]"


@dataclass(frozen=True, slots=True)
class Server:
    """`slug`: its part of the tools' keys. `timeout`: seconds of a call without progress."""

    slug: str
    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = TIMEOUT_SECONDS

    def without_secrets(self, text: str) -> str:
        """The text without the values of the headers, which a server may repeat."""
        found = _secrets(self.headers)
        return re.sub("|".join(map(re.escape, found)), REMOVED, text) if found else text

    def without_secrets_in(self, value: Any) -> Any:
        """JSON, in the same way. Raises ValueError or RecursionError for what is no JSON."""
        if not _secrets(self.headers):
            return value
        return msgspec.json.decode(self.without_secrets(msgspec.json.encode(value).decode()))


def _secrets(headers: Mapping[str, str]) -> list[str]:
    """The longest first: one may contain another."""
    return sorted({each for value in headers.values() for each in _spellings(value)}, key=len, reverse=True)


def _spellings(value: str) -> Iterator[str]:
    """The value and its credentials (`Bearer …`), also as they are written within JSON."""
    for each in (value, value.rpartition(" ")[2]):
        if len(each) >= SECRET_CHARACTERS:
            yield each
            yield msgspec.json.encode(each).decode()[1:-1]
