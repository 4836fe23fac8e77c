"""Limits WebSocket handshakes: per address before the database lookup, and per user once the user is known.

Attackers who try cookies and API tokens from an address do not lock out users whose credentials are known
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

# Handshakes with unknown credentials, which cost a database lookup, by address: four per second on average.
STRANGERS: Final = 60
STRANGERS_SECONDS: Final = 15.0
MINUTE_SECONDS: Final = 60.0
# Our own page waits as long as it is told to. A client refused more often than this within these seconds does not.
REFUSED: Final = 10
REFUSED_SECONDS: Final = 10.0
# How long such a client's sockets are refused without a check once its user's limit is reached. Short, because another
# may be closed any moment.
FULL_SECONDS: Final = 5.0


class TooMany(Exception):
    """Retry after `seconds`. `is_deaf`: the client has repeatedly ignored that."""

    def __init__(self, seconds: float, *, is_deaf: bool) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.is_deaf = is_deaf


class Handshakes:
    """The handshakes of this process. `floods`: the users locked out after a flood."""

    def __init__(
        self, credentials: Credentials, floods: Floods, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials = credentials
        self._floods = floods
        self._clock = clock
        self._strangers = SlidingWindow(STRANGERS_SECONDS, clock=clock)
        self._of_users = SlidingWindow(MINUTE_SECONDS, clock=clock)
        self._refused = SlidingWindow(REFUSED_SECONDS, clock=clock)
        # Until when each user's handshakes are refused without a check, because the limit of sockets was reached.
        self._full_until: dict[int, float] = {}

    def begin(self, address: str, credential: str, *, per_minute: int) -> Handshake:
        """Check before the database lookup. `per_minute`: the limit per user. Raises TooMany."""
        user_id = self._credentials.find(credential)
        if user_id is not None:
            self._count(user_id, per_minute)
        elif credential and (wait := self._strangers.take(address, limit=STRANGERS)):
            raise self._too_many(address, wait)
        return Handshake(self, address, credential, user_id, per_minute)

    def had_no_room(self, user_id: int, seconds: float) -> None:
        """The user's limit of sockets was reached and the client was told to retry after `seconds`."""
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
    """A handshake that passed the first check. Ends with one call of `succeeded`, `failed` or `undecided`.

    `taken_for`: the user for whom it is already counted, if any.
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
        """The credential belongs to this user. Raises TooMany."""
        self._was_no_stranger()
        self._handshakes._credentials.learn(self._credential, user_id)
        if user_id != self._taken_for:
            self._handshakes._count(user_id, self._per_minute)

    def failed(self) -> None:
        """The credential is not valid."""
        self._handshakes._credentials.forget(self._credential)

    def undecided(self) -> None:
        """The database lookup failed."""
        self._was_no_stranger()

    def _was_no_stranger(self) -> None:
        if self._credential and self._taken_for is None:
            self._handshakes._strangers.give_back(self._address)


def address_of(scope: Mapping[str, Any]) -> str:
    """The client's IP address; for IPv6 its /64 network, which belongs to one customer (RFC 6177)."""
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
