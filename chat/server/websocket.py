from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import Any, Final

from autobahn.twisted.websocket import ConnectionDeny
from daphne.ws_protocol import WebSocketFactory as DaphneWebSocketFactory
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor

from chat.protocol.close_codes import FLOOD
from chat.protocol.response_headers import NO_PAGE
from chat.server import fast_path
from chat.server.gate import WriteGate
from chatsite import request_ids

logger = logging.getLogger(__name__)

# Time to flush the buffer of a connection that is being dropped.
LINGER_SECONDS: Final = 5
# Limit for pings, pongs and message fragments, which the application never sees and cannot count. A browser sends one
# pong for each of our pings, and never fragments.
SILENT_FRAMES_PER_SECOND: Final = 100
CONTROL: Final = 8
# What autobahn and Daphne keep of a handshake and nobody looks at again. With all that a browser sends it is a large
# part of an idle socket.
OF_THE_HANDSHAKE: Final = frozenset(
    {
        *("http_request_data", "http_status_line", "http_headers", "http_request_uri", "http_request_path"),
        *("http_request_params", "http_request_host", "http_response_data", "websocket_protocols"),
        *("websocket_origin", "websocket_extensions", "_wskey", "clean_headers"),
    }
)


class WebSocket(WebSocketProtocol):  # type: ignore[misc]  # Daphne is untyped
    """A WebSocket whose `send` waits for a slow client (`gate`), and which reads no faster than its application."""

    _silent_frames = 0
    _silent_since = 0.0
    _reads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.gate = WriteGate()
        self._abortion: Any = None
        super().__init__(*args, **kwargs)

    def onOpen(self) -> None:  # noqa: N802
        # The connection began as HTTP, whose channel is still registered and would be notified instead of us.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.gate, True)
        super().onOpen()
        self._forget_handshake()

    def _forget_handshake(self) -> None:
        for name in OF_THE_HANDSHAKE:
            self.__dict__.pop(name, None)
        # Daphne asks it for the path, to the end.
        self.request.headers = {}

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        self.gate.finish()
        if self._abortion is not None and self._abortion.active():
            self._abortion.cancel()
        super().onClose(wasClean, code, reason)

    def dropConnection(self, abort: bool = False) -> None:  # noqa: N802
        super().dropConnection(abort)
        # Twisted would wait for the buffer to empty: forever, if the client has said goodbye and stopped reading.
        if not abort and self._abortion is None:
            self._abortion = reactor.callLater(LINGER_SECONDS, self.transport.abortConnection)

    def sendHttpErrorResponse(  # noqa: N802
        self,
        code: int,
        reason: str,
        responseHeaders: list[tuple[str, str]] | None = None,  # noqa: N803
    ) -> None:
        headers = [("Content-Length", "0"), ("Connection", "close"), ("Cache-Control", "no-store"), *NO_PAGE.items()]
        headers.append((request_ids.HEADER, request_ids.made()))
        super().sendHttpErrorResponse(code, reason, [*headers, *(responseHeaders or [])])

    @property
    def takes_frames(self) -> bool:
        return bool(self.state == self.STATE_OPEN)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """The fast path covers acknowledgements: each arrives as one whole frame."""
        if (
            self.takes_frames
            and not self.data
            and self.current_frame is None
            and not self.inside_message
            and self.autoPingTimeoutCall is None
            and (text := fast_path.whole_short_text(data)) is not None
        ):
            self.onMessage(text, False)
        else:
            super().dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        super().onMessage(payload, isBinary)
        if self._reads and self.application_queue.is_full:
            # While the application waits, for a database or for this very client, messages would pile up in memory.
            self._reads = False
            self.application_queue.when_there_is_room(self._read_on)
            self.transport.pauseProducing()

    def _read_on(self) -> None:
        self._reads = True
        if self.state != self.STATE_CLOSED:
            self.transport.resumeProducing()

    def onFrameBegin(self) -> None:  # noqa: N802
        if self.inside_message or self.current_frame.opcode >= CONTROL:
            self._count_silent_frame()
        super().onFrameBegin()

    def _count_silent_frame(self) -> None:
        now = time.monotonic()
        if now - self._silent_since >= 1:
            self._silent_since, self._silent_frames = now, 0
        self._silent_frames += 1
        if self._silent_frames > SILENT_FRAMES_PER_SECOND and self.state == self.STATE_OPEN:
            self.sendClose(FLOOD)

    def onPing(self, payload: bytes) -> None:  # noqa: N802
        # Pongs to a stalled client would pile up. RFC 6455 (5.5.3) allows answering only the last ping.
        if self.gate.is_open:
            super().onPing(payload)

    def handle_reply(self, message: dict[str, Any]) -> None:
        # Until the application receives `websocket.disconnect`, what it sends is dropped (ASGI).
        if self.state in (self.STATE_CLOSING, self.STATE_CLOSED):
            return
        if self.takes_frames and (text := message.get("text")) and not self.send_queue:
            fast_path.write(self.transport, fast_path.text_frame(text.encode()))
            return
        if message["type"] == "websocket.http.response.start":
            self._deny(message["status"])
            return
        super().handle_reply(message)
        if message["type"] == "websocket.close":
            self.gate.finish()

    def _deny(self, status: int) -> None:
        """Refuse the handshake with this status and no body. Daphne itself supports only 403."""
        self.handshake_deferred.errback(ConnectionDeny(code=status, reason=HTTPStatus(status).phrase))
        del self.handshake_deferred
        self.server.protocol_disconnected(self)
        self.gate.finish()

    def handle_exception(self, exception: BaseException) -> None:
        try:
            super().handle_exception(exception)
        except Exception:  # autobahn raises a plain Exception if the handshake is in an unexpected state
            logger.exception("server: WebSocket not closed cleanly, aborting the connection")
            self.transport.abortConnection()

    def _sendAutoPing(self) -> None:  # noqa: N802
        # One at a time: autobahn loses track of an unanswered ping's timer, which then closes a live connection when
        # it fires.
        if self.autoPingTimeoutCall is None:
            super()._sendAutoPing()


class WebSocketFactory(DaphneWebSocketFactory):  # type: ignore[misc]  # Daphne is untyped
    protocol = WebSocket

    def setProtocolOptions(self, **options: Any) -> None:  # noqa: N802
        """Autobahn copies each of the thirty options into each connection, unless that has it already."""
        super().setProtocolOptions(**options)

        class WithOptions(WebSocket):
            """One of this factory's."""

        for name in WebSocket.CONFIG_ATTRS:
            value = getattr(self, name)
            # A function would become a method.
            setattr(WithOptions, name, staticmethod(value) if callable(value) else value)
        self.protocol = WithOptions
