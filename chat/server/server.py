from __future__ import annotations

# First: it installs the asyncio reactor, and Twisted allows only one.
import daphne.server  # isort: skip

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

from django.core.exceptions import RequestAborted
from twisted.internet import defer, reactor
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.logger import LogLevel, globalLogBeginner

from chat.server import crowded
from chat.server.arrivals import ArrivalDeadlines
from chat.server.deadline import Deadline
from chat.server.http import HTTPFactory
from chat.server.inbox import Inbox
from chat.server.websocket import WebSocketFactory

logger = logging.getLogger(__name__)

NAME: Final = "chatsite"
PING_INTERVAL_SECONDS: Final = 20
PING_TIMEOUT_SECONDS: Final = 30
REAP_SECONDS: Final = 1
TIMEOUTS_SECONDS: Final = 2
# What the transport lets through, at least. Below it an application can answer a frame that is over its own limit.
WEBSOCKET_BYTES: Final = 1024 * 1024
# As Twisted names what `accept` says where the process, or the whole machine, has as many files open as it may.
NO_DESCRIPTORS: Final = frozenset({"EMFILE", "ENFILE"})
STREAMED: Final = frozenset({"websocket.send", "http.response.body"})
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# How an end takes its time, after the drain: `on_shutdown`; applications that still run; those that are cancelled.
SHUTDOWN_SECONDS: Final = 7
APPLICATIONS_SECONDS: Final = 2
CANCEL_SECONDS: Final = 1
# Whatever hangs then is not waited for.
DEADLINE_SECONDS: Final = 12
PATIENCE: Final = ArrivalDeadlines()


class Server(daphne.server.Server):  # type: ignore[misc]  # Daphne is untyped
    """Serves an ASGI application on a listening socket, which it takes over, until SIGTERM or SIGINT.

    `await send(…)` returns once less than 64 KiB (of a response: 16 KiB) wait to be written to that connection.

    On a signal it stops listening and awaits `on_drain`, and then the applications that run, for `drain_seconds`
    together or until a second signal. Then it awaits `on_shutdown` (at most SHUTDOWN_SECONDS), cancels what still
    runs, and `run` returns. A process that has not ended DEADLINE_SECONDS after the drain is ended.

    `on_listening()` is called once connections are answered.
    """

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        listener: socket.socket,
        *,
        on_listening: Callable[[], None],
        on_drain: Callable[[], Coroutine[Any, Any, None]] | None = None,
        drain_seconds: float = 0,
        on_shutdown: Callable[[], Awaitable[None]] | None = None,
        websocket_bytes: int = WEBSOCKET_BYTES,
        patience: ArrivalDeadlines = PATIENCE,
    ) -> None:
        super().__init__(
            application,
            endpoints=[f"fd:fileno={listener.fileno()}"],
            # None: it would cut a streamed response in the middle, with a clean end.
            http_timeout=None,
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            websocket_max_message_size=websocket_bytes,
            websocket_max_frame_size=websocket_bytes,
            server_name=NAME,
        )
        self._on_listening = on_listening
        self._on_drain = on_drain
        self._drain_seconds = drain_seconds
        self._on_shutdown = on_shutdown
        self._patience = patience
        self._deadline = Deadline()
        self._ending: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._listener = listener
        self._is_unix = listener.family == socket.AF_UNIX
        self._port: Any = None

    def run(self) -> None:
        """Returns after an orderly end."""
        globalLogBeginner.beginLoggingTo([log_failure], redirectStandardIO=False, discardBuffer=True)
        loop = reactor._asyncioEventloop
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(handle_loop_exception)
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = HTTPFactory(self, self._patience)
        self.ws_factory = self._make_websocket_factory()
        self._listen()
        reactor.callLater(REAP_SECONDS, self.application_checker)
        reactor.callLater(TIMEOUTS_SECONDS, self.timeout_checker)
        for number in SIGNALS:
            loop.add_signal_handler(number, self.end)
        # Twisted's own handlers would stop the reactor, and with it everything, at once.
        reactor.run(installSignalHandlers=False)
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        self._deadline.in_order()

    @property
    def is_draining(self) -> bool:
        return self._ending is not None

    def end(self) -> None:
        """What a signal does. The second one ends the drain."""
        if self._ending is None:
            self._deadline.set(self._drain_seconds + DEADLINE_SECONDS)
            self._ending = asyncio.get_running_loop().create_task(self._end())
        elif not self._hurry.is_set():
            self._deadline.set(DEADLINE_SECONDS)
            self._hurry.set()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Inbox | None:
        """As Daphne's own, with an inbox that takes less memory while nothing is in it."""
        inbox = Inbox()
        scope.setdefault("asgi", {"version": "3.0"})
        if scope["type"] == "websocket":
            # The application may refuse a handshake with another status than 403 (ASGI, "Websocket Denial Response").
            scope["extensions"] = {"websocket.http.response": {}}
        application = self.application(scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol))
        if protocol not in self.connections:
            return None
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return inbox

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "websocket.send" and protocol.takes_frames:
            # Daphne's own looks the connection up three times before it hands the message over.
            protocol.handle_reply(message)
        else:
            await super().handle_reply(protocol, message)
        # A close is not held up: it is how the application gets rid of a reader that does not read.
        if kind in STREAMED and not protocol.gate.is_open:
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
        family = self._listener.family
        endpoint = AdoptedStreamServerEndpoint(reactor, self._listener.detach(), family)
        endpoint.listen(self.http_factory).addCallback(self.listen_success)
        # Not before the loop runs: then whoever is told can connect and gets an answer.
        reactor._asyncioEventloop.call_soon(self._on_listening)

    def listen_success(self, port: Any) -> None:
        self._port = port
        if self._is_unix:
            # Other workers listen there, too: Twisted would remove the file at the end, and shut the socket for all.
            port._bindPath, port._shouldShutdown = "\0", False

    async def _end(self) -> None:
        try:
            # Those that have connected already are served.
            self._port.doRead()
            await defer.maybeDeferred(self._port.stopListening).asFuture(asyncio.get_running_loop())
            await self._drain()
            await self._shut_down()
        except Exception:
            logger.exception("The server does not end in order")
        reactor.stop()

    async def _drain(self) -> None:
        draining = asyncio.create_task(self._drained())
        hurry = asyncio.create_task(self._hurry.wait())
        tasks: list[asyncio.Task[Any]] = [draining, hurry]
        await asyncio.wait(tasks, timeout=self._drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                logger.error("The drain has failed", exc_info=result)

    async def _drained(self) -> None:
        if self._on_drain is not None:
            await self._on_drain()
        while applications := self._running_applications():
            await asyncio.wait(applications)

    async def _shut_down(self) -> None:
        if self._on_shutdown is not None:
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self._on_shutdown()
            except Exception:
                logger.exception("The shutdown is not as orderly as it should be")
        if applications := self._running_applications():
            await asyncio.wait(applications, timeout=APPLICATIONS_SECONDS)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=CANCEL_SECONDS)

    def _running_applications(self) -> list[asyncio.Future[None]]:
        found = (details.get("application_instance") for details in self.connections.values())
        return [application for application in found if application is not None and not application.done()]


def handle_loop_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Django leaves the task that waits for the client's departure unread; the departure is nothing to report.
    if not isinstance(context.get("exception"), RequestAborted):
        loop.default_exception_handler(context)


def log_failure(event: dict[str, Any]) -> None:
    """Twisted's own log, but for what it could not hand to anybody else, and for connections that it had to refuse."""
    if event.get("acceptError") in NO_DESCRIPTORS or "EMFILE" in (event.get("log_format") or ""):
        crowded.tell()
        return
    failure = event.get("log_failure")
    if failure is not None and event.get("log_level") == LogLevel.critical:
        logger.error(
            "Unhandled error in the server: %s",
            failure.getErrorMessage(),
            exc_info=(failure.type, failure.value, failure.getTracebackObject()),
        )
