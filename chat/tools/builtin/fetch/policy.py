"""Which URLs may be fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, TypeVar

from yarl import URL

from chat.tools.builtin.fetch.addresses import Network, parse

T = TypeVar("T")

URL_CHARACTERS: Final = 2048
# The default ports of http and https.
PORTS: Final = frozenset({80, 443})
# How many hosts a refusal names.
NAMED: Final = 20

_RULE: Final = re.compile(
    r"(?P<host>\*|\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)
# Parsers disagree about these: a URL with one of them may name another host to somebody else.
_AMBIGUOUS: Final = re.compile(r"[\s\\\x00-\x20\x7f-\x9f]")
_AUTHORITY_END: Final = re.compile("[/?#]")


class Refused(Exception):
    """This may not be fetched. The message says why, to the model."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`example.org`, `.example.org` with all names below it, or `*` for every public host; `port` 0: 80 and 443."""

    host: str
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Raises ValueError."""
        found = _RULE.fullmatch(text)
        port = int(found["port"] or 0) if found else 0
        if found is None or port > 65535 or (found["port"] and not port):
            raise ValueError(text)
        return cls(_canonical(found["host"]), port)

    @property
    def is_any(self) -> bool:
        return self.host == "*"

    def matches(self, host: str, port: int) -> bool:
        if port not in ({self.port} if self.port else PORTS):
            return False
        return self.is_any or host == self.host.lstrip(".") or (self.host[0] == "." and host.endswith(self.host))


@dataclass(frozen=True, slots=True)
class Policy:
    """`networks`: addresses that may be reached although they are not public, by hosts that a rule names."""

    rules: tuple[Rule, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, hosts: Iterable[str], networks: Iterable[str] = ()) -> Policy:
        """Raises ValueError, whose message names the setting."""
        return cls(
            tuple(_each("CHAT_FETCH_HOSTS", hosts, Rule.parse)),
            tuple(_each("CHAT_FETCH_NETWORKS", networks, ip_network)),
        )

    def permitted(self, text: str | URL) -> tuple[URL, tuple[Network, ...]]:
        """The URL, and the networks that it may lead to besides the internet. Raises Refused."""
        url = _parsed(str(text))
        host, port = _canonical(url.raw_host or ""), url.port
        matching = [rule for rule in self.rules if port is not None and rule.matches(host, port)]
        if not matching:
            raise Refused(self._refusal())
        return url, () if all(rule.is_any for rule in matching) else self.networks

    def _refusal(self) -> str:
        hosts = ", ".join(f"{rule.host}{f':{rule.port}' if rule.port else ''}" for rule in self.rules[:NAMED])
        return f"This address may not be fetched. Allowed are: {hosts.replace('*', 'all public hosts')}."


def _parsed(text: str) -> URL:
    if len(text) > URL_CHARACTERS:
        raise Refused(f"The URL is longer than {URL_CHARACTERS} characters.")
    if _AMBIGUOUS.search(text):
        raise Refused("The URL contains spaces, backslashes or control characters.")
    try:
        url = URL(text)
        if url.scheme not in {"http", "https"} or not url.host:
            raise Refused("Only http:// and https:// URLs can be fetched.")
    except ValueError:
        raise Refused("This is no URL.") from None
    # The parser drops an empty one.
    if "@" in _AUTHORITY_END.split(text.partition("//")[2])[0]:
        raise Refused("The URL contains a user name or a password.")
    return url.with_fragment(None)


def _each(setting: str, words: Iterable[str], parse: Callable[[str], T]) -> Iterator[T]:
    for word in words:
        try:
            yield parse(word)
        except ValueError:
            raise ValueError(f"{setting} contains {word!r}, which cannot be parsed.") from None


def _canonical(host: str) -> str:
    host = host.lower().strip("[]").rstrip(".")
    address = parse(host)
    return address.compressed if address else host
