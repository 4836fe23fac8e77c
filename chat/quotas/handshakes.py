"""Who may open a WebSocket now: asked before the database is, and of each user once they are known.

Strangers who try cookies and tokens from an address keep nobody out who was in from there
(chat.quotas.credentials).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from chat.quotas.credentials import Credentials
from chat.quotas.frames import Floods
from chat.rate_limit import SWEEP_AT, SlidingWindow

# Handshakes of nobody that cost a look into the database, by address: four a second, in the long run.
STRANGERS: Final = 60
STRANGERS_SECONDS: Final = 15.0
MINUTE_SECONDS: Final = 60.0
# A page that is refused comes back when it is told. Whoever is refused more often than this, within so many seconds,
# does not listen.
REFUSED: Final = 10
REFUSED_SECONDS: Final = 10.0
# For whom there was no room, and who does not listen: so long without another look. Short, as room may be made.
FULL_SECONDS: Final = 5.0


class TooMany(Exception):
    """Come back after `seconds`. `is_deaf`: that has been said again and again just now."""

    def __init__(self, seconds: float, *, is_deaf: bool) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.is_deaf = is_deaf


class Handshakes:
    """Of this process. `floods`: whose are refused for a while."""

    def __init__(
        self, credentials: Credentials, floods: Floods, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials = credentials
        self._floods = floods
        self._clock = clock
        self._strangers = SlidingWindow(STRANGERS_SECONDS, clock=clock)
        self._of_users = SlidingWindow(MINUTE_SECONDS, clock=clock)
        self._refused = SlidingWindow(REFUSED_SECONDS, clock=clock)
        # Until when a user's next ones are refused without a look, as there was no room for the last one.
        self._full_until: dict[int, float] = {}

    def begin(self, address: str, credential: str, *, per_minute: int) -> Handshake:
        """Before the database is asked whose credential that is. `per_minute`: those of one user. Raises TooMany."""
        user_id = self._credentials.find(credential)
        if user_id is not None:
            self._count(user_id, per_minute)
        elif credential and (wait := self._strangers.take(address, limit=STRANGERS)):
            raise self._too_many(address, wait)
        return Handshake(self, address, credential, user_id, per_minute)

    def had_no_room(self, user_id: int, seconds: float) -> None:
        """The user has as many sockets as are allowed, and is told to come back after so many seconds."""
        now = self._clock()
        if len(self._full_until) >= SWEEP_AT:
            self._full_until = {each: until for each, until in self._full_until.items() if until > now}
        if self._refused.take(user_id, limit=REFUSED):
            self._full_until[user_id] = now + min(seconds, FULL_SECONDS)

    def _count(self, user_id: int, per_minute: int) -> None:
        full = self._full_until.get(user_id, 0.0) - self._clock()
        if wait := max(self._floods.wait(user_id), full, 0.0):
            raise self._too_many(user_id, wait)
        if wait := self._of_users.take(user_id, limit=per_minute):
            raise self._too_many(user_id, wait)

    def _too_many(self, who: str | int, wait: float) -> TooMany:
        return TooMany(wait, is_deaf=bool(self._refused.take(who, limit=REFUSED)))


class Handshake:
    """One that may go on. It ends with one of these.

    `taken_for`: the user as whose it is counted already, if any.
    """

    def __init__(
        self, handshakes: Handshakes, address: str, credential: str, taken_for: int | None, per_minute: int
    ) -> None:
        self._handshakes = handshakes
        self._address = address
        self._credential = credential
        self._taken_for = taken_for
        self._per_minute = per_minute

    def succeeded(self, user_id: int) -> None:
        """It is this user. Raises TooMany."""
        self._was_no_stranger()
        self._handshakes._credentials.learn(self._credential, user_id)
        if user_id != self._taken_for:
            self._handshakes._count(user_id, self._per_minute)

    def failed(self) -> None:
        """It is nobody."""
        self._handshakes._credentials.forget(self._credential)

    def undecided(self) -> None:
        """The database did not say who it is."""
        self._was_no_stranger()

    def _was_no_stranger(self) -> None:
        if self._credential and self._taken_for is None:
            self._handshakes._strangers.give_back(self._address)


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
