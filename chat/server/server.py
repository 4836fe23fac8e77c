from __future__ import annotations

# First: it installs the asyncio reactor, and Twisted allows only one.
import daphne.server  # isort: skip

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from daphne.endpoints import build_endpoint_description_strings
from django.core.exceptions import RequestAborted
from twisted.internet import defer, reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.logger import LogLevel, globalLogBeginner

from chat.server.http import HTTPFactory
from chat.server.websocket import WebSocketFactory

logger = logging.getLogger(__name__)

NAME: Final = "chatsite"
PING_INTERVAL_SECONDS: Final = 20
PING_TIMEOUT_SECONDS: Final = 30
REAP_SECONDS: Final = 1
TIMEOUTS_SECONDS: Final = 2
# What the transport lets through, at least. Below it an application can answer a frame that is over its own limit.
WEBSOCKET_BYTES: Final = 1024 * 1024
SHUTDOWN_SECONDS: Final = 5
APPLICATIONS_SECONDS: Final = 2


class CannotListen(Exception):
    """The address cannot be had. `in_use` says whether somebody else has it."""

    def __init__(self, error: CannotListenError) -> None:
        super().__init__(error.socketError.strerror or str(error))
        self.in_use = isinstance(error.socketError, OSError) and error.socketError.errno == errno.EADDRINUSE


class Server(daphne.server.Server):  # type: ignore[misc]  # Daphne is untyped
    """Serves an ASGI application until SIGTERM or SIGINT.

    `await send(…)` returns once less than 64 KiB wait to be written to that connection. On a signal it stops
    listening, awaits `on_shutdown` (at most SHUTDOWN_SECONDS), cancels what still runs, and `run` returns.

    `on_listening(port)` is called once the port is open; port 0 lets the system choose one.
    """

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        *,
        host: str,
        port: int,
        on_listening: Callable[[int], None],
        on_shutdown: Callable[[], Awaitable[None]] | None = None,
        websocket_bytes: int = WEBSOCKET_BYTES,
    ) -> None:
        super().__init__(
            application,
            endpoints=build_endpoint_description_strings(host=host, port=port),
            # None: it would cut a streamed response in the middle, with a clean end.
            http_timeout=None,
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            websocket_max_message_size=websocket_bytes,
            websocket_max_frame_size=websocket_bytes,
            server_name=NAME,
        )
        self._on_listening = on_listening
        self._on_shutdown = on_shutdown
        self._ports: list[Any] = []
        self._refused: CannotListenError | None = None

    def run(self) -> None:
        """Returns after an orderly end. Raises CannotListen."""
        globalLogBeginner.beginLoggingTo([log_failure], redirectStandardIO=False, discardBuffer=True)
        loop = reactor._asyncioEventloop
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(handle_loop_exception)
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = HTTPFactory(self)
        self.ws_factory = self._make_websocket_factory()
        self._listen()
        reactor.callLater(REAP_SECONDS, self.application_checker)
        reactor.callLater(TIMEOUTS_SECONDS, self.timeout_checker)
        # Twisted waits for what this returns before it closes the connections.
        reactor.addSystemEventTrigger("before", "shutdown", lambda: deferred(self._shut_down()))
        reactor.run(installSignalHandlers=self.signal_handlers)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        # A close is not held up: it is how the application gets rid of a reader that does not read.
        if message["type"] in {"websocket.send", "http.response.body"}:
            await protocol.gate.passed()

    def application_checker(self) -> None:
        """Daphne's timers re-arm themselves in their last line, so that one exception would end them for good."""
        try:
            super().application_checker()
        except Exception:
            logger.exception("Ended applications could not be cleared away; trying again")
            reactor.callLater(REAP_SECONDS, self.application_checker)

    def timeout_checker(self) -> None:
        try:
            super().timeout_checker()
        except Exception:
            logger.exception("The connections' timeouts could not be checked; trying again")
            reactor.callLater(TIMEOUTS_SECONDS, self.timeout_checker)

    def _make_websocket_factory(self) -> WebSocketFactory:
        factory = WebSocketFactory(self, server=self.server_name)
        factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,  # the application judges origins
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
        )
        return factory

    def _listen(self) -> None:
        for endpoint in self.endpoints:
            serverFromString(reactor, endpoint).listen(self.http_factory).addCallbacks(
                self.listen_success, self.listen_error
            )
        if self._refused is not None:
            raise CannotListen(self._refused) from self._refused

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)
        # Not before the loop runs: then whoever is told can connect and gets an answer.
        reactor.callWhenRunning(self._on_listening, port.getHost().port)

    def listen_error(self, failure: Any) -> None:
        self._refused = failure.value

    async def _shut_down(self) -> None:
        for port in self._ports:
            await defer.maybeDeferred(port.stopListening).asFuture(asyncio.get_running_loop())
        if self._on_shutdown is not None:
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self._on_shutdown()
            except Exception:
                logger.exception("The shutdown is not as orderly as it should be")
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=APPLICATIONS_SECONDS)


def deferred(work: Awaitable[None]) -> Any:
    return defer.Deferred.fromFuture(asyncio.ensure_future(work))


def handle_loop_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Django leaves the task that waits for the client's departure unread; the departure is nothing to report.
    if not isinstance(context.get("exception"), RequestAborted):
        loop.default_exception_handler(context)


def log_failure(event: dict[str, Any]) -> None:
    """Twisted's own log, but for what it could not hand to anybody else."""
    failure = event.get("log_failure")
    if failure is not None and event.get("log_level") == LogLevel.critical:
        logger.error(
            "Unhandled error in the server: %s",
            failure.getErrorMessage(),
            exc_info=(failure.type, failure.value, failure.getTracebackObject()),
        )
