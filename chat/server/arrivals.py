"""Timeouts for receiving requests, and a limit on connections that have not sent one yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from chat.server import crowded, fast_path
from chat.server.refusing import MALFORMED, TOO_SLOW, named
from chatsite import descriptors, request_ids

# How long to keep draining a refused request.
LINGER_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class ArrivalDeadlines:
    """Timeouts of a connection in seconds, and a limit on waiting connections.

    `head`: to receive all headers, counted from the opening of the connection, or from the first byte of a later
    request on it. `body`: from there to the end of the body. `idle`: without a byte, within or after a request.
    `waiting`: how many connections may be open without having sent the headers of a request; the oldest is closed to
    make room for another.

    An idle timeout alone would let a client hold a connection forever with an occasional byte ("slowloris").
    """

    head: float = 20
    body: float = 60
    idle: float = 60
    waiting: int = 256


class Waiting:
    """Connections that have not sent the headers of a request yet, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._channels: dict[Channel, None] = {}

    def add(self, channel: Channel) -> None:
        self._channels[channel] = None
        if len(self._channels) > self._limit:
            oldest = next(iter(self._channels))
            del self._channels[oldest]
            oldest.transport.abortConnection()

    def make_room(self, newest: Channel) -> None:
        """Close the oldest connection other than the newest. Immediately: the next one may arrive at any moment."""
        oldest = next(iter(self._channels))
        if oldest is not newest:
            del self._channels[oldest]
            oldest.transport.connectionLost(Failure(ConnectionAborted()))

    def remove(self, channel: Channel) -> None:
        self._channels.pop(channel, None)


class Channel(HTTPChannel):  # type: ignore[misc]  # Twisted's is untyped where it matters
    """An HTTP/1.1 connection. Requests that time out get 408, malformed ones 400.

    `is_crowded`: it was accepted when only the reserve of file descriptors was left. While that lasts, it serves only
    health checks and metrics.
    """

    is_crowded = False

    def __init__(self, patience: ArrivalDeadlines, waiting: Waiting) -> None:
        super().__init__()
        self._patience = patience
        self._waiting = waiting
        # The timer, and which part it waits for: "head" or "body".
        self._timer: Any = None
        self._awaited = ""
        self._has_sent = False

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        self._waiting.add(self)
        if not descriptors.have_room():
            self.is_crowded = True
            crowded.tell()
            self._waiting.make_room(self)
        self._await("head")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self._has_sent = True
        super().dataReceived(data)
        # Afterwards: a request that arrives in one piece, as most do, needs no timer.
        self._await("" if self._handlingRequest else "head" if self.line_mode else "body")

    def allHeadersReceived(self) -> None:  # noqa: N802
        self._waiting.remove(self)
        super().allHeadersReceived()

    def writeSequence(self, iovec: Sequence[bytes]) -> None:  # noqa: N802
        """A piece of a response whose length is not known before."""
        fast_path.write(self.transport, b"".join(iovec))

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._waiting.remove(self)
        self._await("")
        super().connectionLost(reason)

    def _await(self, part: str) -> None:
        if part == self._awaited and part:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        seconds = {"": None, "head": self._patience.head, "body": self._patience.body}[part]
        self._awaited = part
        self._timer = None if seconds is None else self.callLater(seconds, self._give_up)

    def _give_up(self) -> None:
        if self._has_sent:
            self._refuse(TOO_SLOW)
        else:
            # Browsers open spare connections. Close those silently: a 408 would be taken for a response.
            self.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._refuse(MALFORMED)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self._refuse(MALFORMED)

    def _refuse(self, response: bytes) -> None:
        """Respond, then discard input for a while: the client would lose the response if we closed at once."""
        self.transport.write(named(response, request_ids.made()))
        self.transport.loseWriteConnection()
        self.dataReceived = lambda data: None  # type: ignore[method-assign]
        self._buffer = b""
        self._await("")
        self._timer = self.callLater(LINGER_SECONDS, self.transport.abortConnection)
