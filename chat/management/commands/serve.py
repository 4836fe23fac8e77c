"""`manage.py serve`: serves the site in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from argparse import SUPPRESS
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from channels.routing import get_default_application
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from chat import mail
from chat.auth.first_run import setup_link
from chat.generation.bootstrap import engine
from chat.generation.engine import Engine
from chat.server import garbage
from chat.server.listening import CannotListen, listen, listen_unix
from chat.server.server import DEADLINE_SECONDS, WEBSOCKET_BYTES, Server
from chat.server.workers import Workers
from chatsite import descriptors
from chatsite.addresses import default_url, local_url, origin
from chatsite.metrics_files import shared_metrics, worker_ended
from chatsite.reach import is_local

logger = logging.getLogger(__name__)

HIGHEST_PORT = 65535
# Time in addition to a worker's own deadline before the parent kills it.
FORCE_SECONDS: Final = 8


class Command(BaseCommand):
    help = "Serve the site in the foreground. Ctrl-C or SIGTERM shuts it down gracefully, a second one immediately."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="The address to listen on (HOST).")
        parser.add_argument("--port", default=settings.PORT, type=int, help="The port (PORT); 0 means any free port.")
        parser.add_argument("--uds", type=Path, help="A Unix socket to listen on, instead of --host and --port.")
        parser.add_argument(
            "--workers", default=settings.WORKERS, type=int, help="Number of worker processes (CHAT_WORKERS)."
        )
        parser.add_argument("--migrate", action="store_true", help="Apply database migrations first.")
        # For workers: the file descriptor inherited from the parent.
        parser.add_argument("--listener", type=int, help=SUPPRESS)

    def handle(
        self,
        *args: Any,
        host: str,
        port: int,
        uds: Path | None,
        workers: int,
        migrate: bool,
        listener: int | None,
        **options: Any,
    ) -> None:
        if listener is not None:
            Process(socket.socket(fileno=listener)).run_as_worker()
            return
        check_workers(workers)
        # Before workers are started: they inherit it.
        descriptors.raise_limit()
        close_signup(host)
        try:
            self._prepare_database(migrate)
            if uds is None:
                self._serve(self._listen(host, port), host, workers)
            else:
                self._serve_on(uds.absolute(), host, workers)
        except KeyboardInterrupt:
            # Only before the server runs; then it handles Ctrl-C itself.
            self.stderr.write("Stopped.")

    def _prepare_database(self, migrate: bool) -> None:
        try:
            if migrate:
                call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                raise CommandError("The database is not up to date. Run manage.py migrate (or bin/dev) first.")
        except DatabaseError as error:
            reason = str(error).strip()
            hint = "Check DATABASE_URL and CHAT_DATA_DIR."
            raise CommandError(f"The database cannot be used: {reason}. {hint}") from error

    def _serve_on(self, path: Path, host: str, workers: int) -> None:
        try:
            listener = listen_unix(path)
        except CannotListen as error:
            hint = "Stop what listens there, or choose another path." if error.in_use else "Choose another path."
            raise CommandError(f"Cannot listen on {path}: {error}. {hint}") from error
        try:
            self._serve(listener, host, workers)
        finally:
            path.unlink(missing_ok=True)

    def _serve(self, listener: socket.socket, host: str, workers: int) -> None:
        setup = setup_link("")
        # From here on, other threads or processes use the database, each with its own connection.
        connections.close_all()
        address = self._site_url(host, listener)
        # Before the server takes over the socket.
        place = place_of(listener, address)
        if workers == 1:
            Process(listener).run(on_listening=lambda: self._announce(place, address, setup))
            return
        self._announce(place, address, setup)
        command = [
            sys.executable,
            *(f"-W{option}" for option in sys.warnoptions),
            str(settings.BASE_DIR / "manage.py"),
        ]
        end_seconds = settings.CHAT_DRAIN + DEADLINE_SECONDS + FORCE_SECONDS
        family = Workers(
            [*command, "serve", "--skip-checks"],
            workers,
            listener=listener,
            end_seconds=end_seconds,
            on_ended=worker_ended,
        )
        with shared_metrics():
            in_order = family.run()
        if not in_order:
            raise CommandError("Not all workers exited cleanly.")

    def _site_url(self, host: str, listener: socket.socket) -> str:
        """The site's public URL, also set for all processes. Takes the command line into account.

        Empty if it is unknown: a proxy forwards to a Unix socket, and CHAT_URL is not set.
        """
        if os.environ.get("CHAT_URL"):
            return str(settings.CHAT_URL)
        is_unix = listener.family == socket.AF_UNIX
        port = settings.PORT if is_unix else listener.getsockname()[1]
        url = default_url(host, port, settings.ALLOWED_HOSTS, https=settings.HTTPS)
        os.environ["CHAT_URL"] = settings.CHAT_URL = url
        return "" if is_unix and url == local_url(host, port) else url

    def _listen(self, host: str, port: int) -> socket.socket:
        try:
            return listen(host, port)
        except CannotListen as error:
            if not error.in_use:
                raise CommandError(f"Cannot listen on {host}, port {port}: {error}.") from error
            other = port + 1 if port < HIGHEST_PORT else port - 1
            raise CommandError(f"Port {port} is in use. Stop what uses it, or choose another: PORT={other}") from error

    def _announce(self, place: str, address: str, setup: str | None) -> None:
        self.stdout.write(f"Chatsite is at {place}")
        warn_of_the_proxy()
        if setup:
            where = f"at:\n  {origin(address)}" if address else "at this path of your proxy's URL:\n  "
            self.stdout.write(f"There are no accounts yet. Create the administrator account, once, {where}{setup}")
        if not address:
            self.stdout.write("Set CHAT_URL to the URL of your proxy: links in mail use it.")
        for sentence in accounts_sentences():
            self.stdout.write(sentence)
        self.stdout.flush()


class Process:
    """One process that serves the site on a listening socket."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._engine: asyncio.Task[Engine] | None = None

    def run(self, on_listening: Callable[[], None]) -> None:
        def listening() -> None:
            on_listening()
            # Look for models now, so that the first visitor need not wait.
            self._engine = asyncio.ensure_future(engine())
            self._engine.add_done_callback(lambda _: garbage.settle())

        self._server = Server(
            get_default_application(),
            self._listener,
            on_listening=listening,
            on_drain=drain_engine,
            drain_seconds=settings.CHAT_DRAIN,
            on_shutdown=close_engine,
            # The consumer responds to frames over its limit; the transport's limit just drops the connection.
            websocket_bytes=max(WEBSOCKET_BYTES, 2 * settings.CHAT_FRAME_BYTES),
        )
        self._server.run()

    def run_as_worker(self) -> None:
        self.run(lambda: asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._parent_gone))

    def _parent_gone(self) -> None:
        """Shut down: a worker's standard input closes when its parent exits."""
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        if not self._server.is_draining:
            logger.error("workers: parent process is gone, shutting down")
            self._server.end()


def place_of(listener: socket.socket, address: str) -> str:
    end = "Ctrl-C stops it"
    if listener.family != socket.AF_UNIX:
        return f"{address} ({end})"
    path = listener.getsockname()
    return f"{address} (by the socket {path}; {end})" if address else f"the socket {path} ({end})"


def check_workers(count: int) -> None:
    """Raises CommandError."""
    if count < 1:
        raise CommandError("At least one worker is required. Set --workers (CHAT_WORKERS) to 1 or more.")
    if count > 1 and not settings.REDIS_URL:
        raise CommandError(
            f"{count} workers need a shared Redis: without it, a worker could not show answers of the others. "
            "Set REDIS_URL, or leave --workers (CHAT_WORKERS) at 1."
        )


def close_signup(host: str) -> None:
    """Close sign-up if `--host` opens the site to others. HOST is set for the workers, which read it again."""
    counts = host != settings.HOST and not settings.PUBLISHED
    if counts and not settings.SIGNUP_IS_DECIDED and not is_local(host):
        settings.CHAT_SIGNUP = False
        os.environ["HOST"] = host


def warn_of_the_proxy() -> None:
    """The server has no TLS, so with HTTPS there must be a proxy, whose address would stand for every client."""
    if settings.HTTPS and not settings.CHAT_TRUSTED_PROXIES:
        logger.warning(
            "proxy: CHAT_HTTPS is on, but CHAT_TRUSTED_PROXIES is 0: all visitors share one IP address, so ten wrong "
            "passwords in a minute lock everybody out. Set CHAT_TRUSTED_PROXIES=1 (the number of proxies)."
        )


def accounts_sentences() -> Iterator[str]:
    """Sentences about defaults that the operator should know."""
    if not settings.CHAT_SIGNUP and not settings.SIGNUP_IS_DECIDED:
        yield (
            "Sign-up is off, because other machines can reach this site. "
            "CHAT_SIGNUP=1 lets visitors create accounts; CHAT_SIGNUP=0 hides this line."
        )
    if not mail.is_configured():
        yield "No mail server is configured, so nobody can reset a forgotten password. Set EMAIL_URL."


async def drain_engine() -> None:
    await (await engine()).drain()


async def close_engine() -> None:
    await (await engine()).close()
