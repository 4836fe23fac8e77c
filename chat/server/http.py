from __future__ import annotations

import logging
from typing import Any, Final

from daphne.http_protocol import HTTPFactory as DaphneHTTPFactory
from daphne.http_protocol import WebRequest
from twisted.internet import reactor

from chat.protocol.errors import ERRORS
from chat.protocol.response_headers import NO_PAGE, should_retry
from chat.rate_limit import BODY_BYTES
from chat.server.arrivals import LINGER_SECONDS, ArrivalDeadlines, Channel, Waiting
from chat.server.gate import WriteGate
from chat.server.refusing import CROWDED, TOO_BIG, json_body, named
from chatsite import descriptors, request_ids

logger = logging.getLogger(__name__)

# Write-buffer limit per client, not counting the chunk that exceeds it.
BUFFER_BYTES: Final = 16 * 1024
# Served as long as any descriptor is left. No path prefix here: probes call the server directly.
PROBES: Final = frozenset({b"/healthz", b"/readyz", b"/metrics"})


class Request(WebRequest):  # type: ignore[misc]  # Daphne is untyped
    """A request whose response waits for a slow client (`gate`), and whose body size is limited."""

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
        """Limits the body here: Daphne would write all of it to disk before anything authenticates the client."""
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
            # The client should reconnect to another process, or free its place.
            self.channel.persistent = 0
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"Connection", b"close")]}
        super().handle_reply(message)
        if message["type"] == "http.response.start" and self.channel is not None:
            # Twisted's limit of 64 KiB is too much memory with many stalled clients.
            self.channel.transport.bufferSize = BUFFER_BYTES
            self.registerProducer(self.gate, True)
            # The end of the previous response on this connection may still be buffered.
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
        """Respond with 500, or abort the connection if part of the response is sent: it must not look complete."""
        if self.channel is None or self.finished:
            return
        if self._response_started:
            self.transport.abortConnection()
        else:
            super().handle_exception(exception)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Replaces Daphne's error page, which names the server and may be sniffed and framed."""
        code, sentence = ("bad_request", body) if status < 500 else ("server_error", "Something went wrong.")
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            request_ids.HEADER: self._name,
            **should_retry(ERRORS[code].retryable),
            **NO_PAGE,
        }
        head = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": head})
        content = json_body(code, f"{sentence.rstrip('.')}.")
        self.handle_reply({"type": "http.response.body", "body": content.encode()})

    def _refuse(self, response: bytes = TOO_BIG) -> None:
        """Respond, then discard input for a while: the client would lose the response if we closed at once."""
        if self._refused is None:
            self.transport.write(named(response, self._name))
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
        """HTTP/1.1 only: without TLS there is no negotiation of another protocol."""
        return Channel(self._patience, self._waiting)

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def log(self, request: Any) -> None:
        """No access log: the proxy writes one, and Twisted would format each line only to discard it."""
