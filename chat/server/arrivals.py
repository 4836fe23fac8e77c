"""How long a request may take to arrive, and how many connections may be without one."""

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

# For a client that goes on sending what was refused.
LINGER_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class ArrivalDeadlines:
    """`head`: seconds until a request's headers are complete, from the opening of the connection, or from the first
    byte of a later request on it. `body`: seconds from there to the end of the body. `idle`: seconds without a byte,
    in between or after a response. `waiting`: connections that have not sent the headers of any request, at most; the
    oldest is closed for one more.

    Bounding the silence alone lets a client hold a connection for ever with a byte now and then ("slowloris").
    """

    head: float = 20
    body: float = 60
    idle: float = 60
    waiting: int = 256


class Waiting:
    """The connections that have not sent the headers of a request yet, oldest first."""

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
        """Close the oldest one, if there is any beside the newest: now, as the next may come in this very moment."""
        oldest = next(iter(self._channels))
        if oldest is not newest:
            del self._channels[oldest]
            oldest.transport.connectionLost(Failure(ConnectionAborted()))

    def remove(self, channel: Channel) -> None:
        self._channels.pop(channel, None)


class Channel(HTTPChannel):  # type: ignore[misc]  # Twisted's is untyped where it matters
    """A connection that speaks HTTP/1.1. What does not arrive in time is answered 408, what is malformed 400.

    `is_crowded`: it came when only the reserve of file descriptors was left, so that, as long as this is so, it serves
    only who asks how the server is.
    """

    is_crowded = False

    def __init__(self, patience: ArrivalDeadlines, waiting: Waiting) -> None:
        super().__init__()
        self._patience = patience
        self._waiting = waiting
        # The timer, and what it is for: "head" or "body".
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
        # Afterwards: of a request that came in one piece, as most do, no timer needs to know.
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
            # One that a browser opened for later is closed without a word: it would take that for an answer.
            self.loseConnection()

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._refuse(MALFORMED)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self._refuse(MALFORMED)

    def _refuse(self, answer: bytes) -> None:
        """Says so, and hears the rest for a while without keeping it: closed at once, the answer would be lost."""
        self.transport.write(named(answer, request_ids.made()))
        self.transport.loseWriteConnection()
        self.dataReceived = lambda data: None  # type: ignore[method-assign]
        self._buffer = b""
        self._await("")
        self._timer = self.callLater(LINGER_SECONDS, self.transport.abortConnection)
