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
# Minimum transport limit for messages, so that the application can reject a frame over its own limit.
WEBSOCKET_BYTES: Final = 1024 * 1024
# Twisted's names for `accept` errors when the process, or the machine, has too many open files.
NO_DESCRIPTORS: Final = frozenset({"EMFILE", "ENFILE"})
STREAMED: Final = frozenset({"websocket.send", "http.response.body"})
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# Timeouts of the shutdown, after the drain: for `on_shutdown`, running applications, and cancelled ones.
SHUTDOWN_SECONDS: Final = 7
APPLICATIONS_SECONDS: Final = 2
CANCEL_SECONDS: Final = 1
# After this the process exits, even if something hangs.
DEADLINE_SECONDS: Final = 12
PATIENCE: Final = ArrivalDeadlines()


class Server(daphne.server.Server):  # type: ignore[misc]  # Daphne is untyped
    """Serves an ASGI application on a listening socket until SIGTERM or SIGINT. Takes ownership of the socket.

    `await send(…)` returns once less than 64 KiB (16 KiB for a response) is waiting to be written to that connection.

    On a signal it stops listening, awaits `on_drain` and then the running applications, for at most `drain_seconds`
    in total or until a second signal. Then it awaits `on_shutdown` (at most SHUTDOWN_SECONDS), cancels what still
    runs, and `run` returns. If that takes more than DEADLINE_SECONDS after the drain, the process exits.

    `on_listening()` is called once connections are served.
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
            # None: a timeout would cut a streamed response in the middle and make it look complete.
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
        """Serve; return after a graceful shutdown."""
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
        # Twisted's own handlers would stop the reactor immediately.
        reactor.run(installSignalHandlers=False)
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        self._deadline.in_order()

    @property
    def is_draining(self) -> bool:
        return self._ending is not None

    def end(self) -> None:
        """Handle a signal: the first starts the shutdown, the second ends the drain."""
        if self._ending is None:
            self._deadline.set(self._drain_seconds + DEADLINE_SECONDS)
            self._ending = asyncio.get_running_loop().create_task(self._end())
        elif not self._hurry.is_set():
            self._deadline.set(DEADLINE_SECONDS)
            self._hurry.set()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Inbox | None:
        """Like Daphne's, with an inbox that takes less memory while it is empty."""
        inbox = Inbox()
        scope.setdefault("asgi", {"version": "3.0"})
        if scope["type"] == "websocket":
            # The application may refuse a handshake with a status other than 403 (ASGI, "Websocket Denial Response").
            scope["extensions"] = {"websocket.http.response": {}}
        application = self.application(scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol))
        if protocol not in self.connections:
            return None
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return inbox

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "websocket.send" and protocol.takes_frames:
            # Daphne looks up the connection three times before it passes the message on.
            protocol.handle_reply(message)
        else:
            await super().handle_reply(protocol, message)
        # A close never waits: the application uses it to get rid of a stalled client.
        if kind in STREAMED and not protocol.gate.is_open:
            await protocol.gate.passed()

    def application_checker(self) -> None:
        """Daphne's timers re-arm themselves in their last line, so one exception would stop them for good."""
        try:
            super().application_checker()
        except Exception:
            logger.exception("server: finished applications not removed, retrying")
            reactor.callLater(REAP_SECONDS, self.application_checker)

    def timeout_checker(self) -> None:
        try:
            super().timeout_checker()
        except Exception:
            logger.exception("server: connection timeouts not checked, retrying")
            reactor.callLater(TIMEOUTS_SECONDS, self.timeout_checker)

    def _make_websocket_factory(self) -> WebSocketFactory:
        factory = WebSocketFactory(self, server=self.server_name)
        factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,  # the application checks origins
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
        )
        return factory

    def _listen(self) -> None:
        family = self._listener.family
        endpoint = AdoptedStreamServerEndpoint(reactor, self._listener.detach(), family)
        endpoint.listen(self.http_factory).addCallback(self.listen_success)
        # Only once the loop runs, so that whoever is told to connect gets a response.
        reactor._asyncioEventloop.call_soon(self._on_listening)

    def listen_success(self, port: Any) -> None:
        self._port = port
        if self._is_unix:
            # Other workers share the socket: Twisted would remove the file and shut the socket down for all of them.
            port._bindPath, port._shouldShutdown = "\0", False

    async def _end(self) -> None:
        try:
            # Serve the connections that are already in the queue.
            self._port.doRead()
            await defer.maybeDeferred(self._port.stopListening).asFuture(asyncio.get_running_loop())
            await self._drain()
            await self._shut_down()
        except Exception:
            logger.exception("server: shutdown failed")
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
                logger.error("server: drain failed", exc_info=result)

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
                logger.exception("server: on_shutdown failed")
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
    # Django never retrieves the task that waits for the client to disconnect; a disconnect is not worth a report.
    if not isinstance(context.get("exception"), RequestAborted):
        loop.default_exception_handler(context)


def log_failure(event: dict[str, Any]) -> None:
    """Replaces Twisted's log: keeps unhandled errors, and connections refused for lack of file descriptors."""
    if event.get("acceptError") in NO_DESCRIPTORS or "EMFILE" in (event.get("log_format") or ""):
        crowded.tell()
        return
    failure = event.get("log_failure")
    if failure is not None and event.get("log_level") == LogLevel.critical:
        logger.error(
            "server: unhandled error: %s",
            failure.getErrorMessage(),
            exc_info=(failure.type, failure.value, failure.getTracebackObject()),
        )
