"""Who may open a WebSocket now: asked before the database is, and of each user once they are known.

A cookie or a token that was right a while ago is known here by its hash. So strangers who try others from the same
address, with whom a person may share it, keep nobody out who was in.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from chat.limits import SlidingWindow
from chat.quotas.frames import Floods

# Handshakes of nobody that cost a look into the database, by address: four a second, in the long run.
STRANGERS: Final = 60
STRANGERS_SECONDS: Final = 15.0
MINUTE_SECONDS: Final = 60.0
KNOWN: Final = 4096
# A page that is refused comes back when it is told. Whoever is refused more often than this, within so many seconds,
# does not listen.
REFUSED: Final = 10
REFUSED_SECONDS: Final = 10.0


class TooMany(Exception):
    """Come back after `seconds`. `is_deaf`: that has been said again and again just now."""

    def __init__(self, seconds: float, *, is_deaf: bool) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.is_deaf = is_deaf


class Handshakes:
    """Of this process. `floods`: whose are refused for a while."""

    def __init__(self, floods: Floods, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._floods = floods
        self._strangers = SlidingWindow(STRANGERS_SECONDS, clock=clock)
        self._of_users = SlidingWindow(MINUTE_SECONDS, clock=clock)
        self._refused = SlidingWindow(REFUSED_SECONDS, clock=clock)
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def begin(self, address: str, credential: str) -> Handshake:
        """Before the database is asked whose credential that is. Raises TooMany."""
        if not credential:
            return Handshake(self, address, None)
        digest = hashlib.blake2b(credential.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        user_id = self._known.get(digest)
        if user_id is not None:
            self._check_floods(user_id)
        elif wait := self._strangers.take(address, limit=STRANGERS):
            raise self._too_many(address, wait)
        return Handshake(self, address, digest)

    def _check_floods(self, user_id: int) -> None:
        if wait := self._floods.wait(user_id):
            raise self._too_many(user_id, wait)

    def _too_many(self, who: str | int, wait: float) -> TooMany:
        return TooMany(wait, is_deaf=bool(self._refused.take(who, limit=REFUSED)))

    def _succeeded(self, address: str, digest: bytes | None, user_id: int, per_minute: int) -> None:
        if digest is not None:
            if digest not in self._known:
                self._strangers.give_back(address)
            self._known[digest] = user_id
            self._known.move_to_end(digest)
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)
        self._check_floods(user_id)
        if wait := self._of_users.take(user_id, limit=per_minute):
            raise self._too_many(user_id, wait)

    def _failed(self, digest: bytes | None) -> None:
        if digest is not None:
            self._known.pop(digest, None)

    def _undecided(self, address: str, digest: bytes | None) -> None:
        if digest is not None and digest not in self._known:
            self._strangers.give_back(address)


class Handshake:
    """One that may go on. It ends with one of these."""

    def __init__(self, handshakes: Handshakes, address: str, digest: bytes | None) -> None:
        self._handshakes = handshakes
        self._address = address
        self._digest = digest

    def succeeded(self, user_id: int, *, per_minute: int) -> None:
        """It is this user. Raises TooMany."""
        self._handshakes._succeeded(self._address, self._digest, user_id, per_minute)

    def failed(self) -> None:
        """It is nobody."""
        self._handshakes._failed(self._digest)

    def undecided(self) -> None:
        """The database did not say who it is."""
        self._handshakes._undecided(self._address, self._digest)


def address_of(scope: Mapping[str, Any]) -> str:
    """Whose connection this is: of an IPv6 address the network, which is one customer's (RFC 6177)."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
