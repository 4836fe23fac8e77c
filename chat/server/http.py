from __future__ import annotations

import logging
from typing import Any

from daphne.http_protocol import HTTPFactory as DaphneHTTPFactory
from daphne.http_protocol import WebRequest

from chat.server.gate import WriteGate

logger = logging.getLogger(__name__)


class Request(WebRequest):  # type: ignore[misc]  # Daphne is untyped
    """A request whose response waits for a slow reader (`gate`)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.gate = WriteGate()
        super().__init__(*args, **kwargs)

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.server.is_draining and self.channel is not None:
            # Its client shall ask elsewhere next time.
            self.channel.persistent = 0
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"Connection", b"close")]}
        super().handle_reply(message)
        if message["type"] == "http.response.start" and self.channel is not None:
            self.registerProducer(self.gate, True)
            # The end of the last response on this connection may still be on its way out.
            if self.channel._waitingForTransport:
                self.gate.pauseProducing()

    def finish(self) -> None:
        self._open_gate()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._open_gate()
        super().connectionLost(reason)

    def handle_exception(self, exception: BaseException) -> None:
        """Answers 500, or breaks the connection off if a part of the response is out: never a clean end."""
        if self.channel is None or self.finished:
            return
        if self._response_started:
            self.transport.abortConnection()
        else:
            super().handle_exception(exception)

    def _open_gate(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        self.gate.finish()


class HTTPFactory(DaphneHTTPFactory):  # type: ignore[misc]  # Daphne is untyped
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def log(self, request: Any) -> None:
        """No access log: that is the proxy's, and Twisted would format each line only to throw it away."""
