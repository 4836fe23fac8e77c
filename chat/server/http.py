from __future__ import annotations

import logging
from typing import Any, Final

from daphne.http_protocol import HTTPFactory as DaphneHTTPFactory
from daphne.http_protocol import WebRequest
from twisted.internet import reactor

from chat.protocol.response_headers import NO_PAGE, should_retry
from chat.rate_limit import BODY_BYTES
from chat.server.arrivals import LINGER_SECONDS, ArrivalDeadlines, Channel, Waiting
from chat.server.gate import WriteGate
from chat.server.refusing import CROWDED, TOO_BIG, error_body, named
from chatsite import descriptors, request_ids

logger = logging.getLogger(__name__)

# What waits to be written to one reader, at most, beside the piece that is over it.
BUFFER_BYTES: Final = 16 * 1024
# Answered as long as there is any descriptor. Here a path prefix counts for nothing: they are asked for directly.
PROBES: Final = frozenset({b"/healthz", b"/readyz", b"/metrics"})


class Request(WebRequest):  # type: ignore[misc]  # Daphne is untyped
    """A request whose response waits for a slow reader (`gate`), and whose body has an end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.gate = WriteGate()
        self._received = 0
        self._refused: Any = None
        super().__init__(*args, **kwargs)

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        super().gotLength(length)
        if length is not None and length > BODY_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """Before anybody is asked who sends it, all of a body would be put on the disk."""
        self._received += len(data)
        if self._received > BODY_BYTES:
            self._refuse()
        if self._refused is None:
            super().handleContentChunk(data)

    def process(self) -> None:
        if self._refused is None and self._is_crowded_out():
            self._refuse(CROWDED)
        if self._refused is None:
            super().process()

    def _is_crowded_out(self) -> bool:
        return self.channel.is_crowded and self.path not in PROBES and not descriptors.have_room()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.channel is not None and (self.server.is_draining or self.channel.is_crowded):
            # Its client shall ask elsewhere next time, or give its place to another.
            self.channel.persistent = 0
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"Connection", b"close")]}
        super().handle_reply(message)
        if message["type"] == "http.response.start" and self.channel is not None:
            # Twisted's limit is 64 KiB for each reader, who may be one of many that do not read.
            self.channel.transport.bufferSize = BUFFER_BYTES
            self.registerProducer(self.gate, True)
            # The end of the last response on this connection may still be on its way out.
            if self.channel._waitingForTransport:
                self.gate.pauseProducing()

    def finish(self) -> None:
        self._open_gate()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._open_gate()
        if self._refused is not None and self._refused.active():
            self._refused.cancel()
        super().connectionLost(reason)

    def handle_exception(self, exception: BaseException) -> None:
        """Answers 500, or breaks the connection off if a part of the response is out: never a clean end."""
        if self.channel is None or self.finished:
            return
        if self._response_started:
            self.transport.abortConnection()
        else:
            super().handle_exception(exception)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """In place of Daphne's page, which names itself and may be sniffed and framed."""
        retryable = status >= 500
        code, sentence = ("bad_request", body) if status < 500 else ("server_error", "Something went wrong.")
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            request_ids.HEADER: self._name,
            **should_retry(retryable),
            **NO_PAGE,
        }
        head = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": head})
        said = error_body(code, f"{sentence.rstrip('.')}.", retryable=retryable)
        self.handle_reply({"type": "http.response.body", "body": said.encode()})

    def _refuse(self, answer: bytes = TOO_BIG) -> None:
        """Says so, and hears the rest for a while without keeping it: closed at once, the answer would be lost."""
        if self._refused is None:
            self.transport.write(named(answer, self._name))
            self.transport.loseWriteConnection()
            self._refused = reactor.callLater(LINGER_SECONDS, self.transport.abortConnection)

    @property
    def _name(self) -> str:
        return request_ids.chosen(self.requestHeaders.getRawHeaders(request_ids.HEADER.encode(), ()))

    def _open_gate(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        self.gate.finish()


class HTTPFactory(DaphneHTTPFactory):  # type: ignore[misc]  # Daphne is untyped
    def __init__(self, server: Any, patience: ArrivalDeadlines) -> None:
        super().__init__(server)
        self.timeOut = patience.idle
        self._patience = patience
        self._waiting = Waiting(patience.waiting)

    def protocol(self) -> Channel:
        """HTTP/1.1 alone: there is no TLS here, in which another protocol could be agreed on."""
        return Channel(self._patience, self._waiting)

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def log(self, request: Any) -> None:
        """No access log: that is the proxy's, and Twisted would format each line only to throw it away."""
