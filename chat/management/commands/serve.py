"""`manage.py serve`: the site, in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.routing import get_default_application
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from chat.first_run import setup_link
from chat.generation.engine import Engine, engine
from chat.server.server import WEBSOCKET_BYTES, CannotListen, Server

EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104
HIGHEST_PORT = 65535


class Command(BaseCommand):
    help = "Serve the site in the foreground. Ctrl-C or SIGTERM ends it in order."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="The address to listen on (HOST).")
        parser.add_argument("--port", default=settings.PORT, type=int, help="The port (PORT); 0 means any free one.")
        parser.add_argument("--migrate", action="store_true", help="Bring the database up to date first.")

    def handle(self, *args: Any, host: str, port: int, migrate: bool, **options: Any) -> None:
        try:
            self._prepare_database(migrate)
            self._serve(host, port)
        except KeyboardInterrupt:
            # Before the server runs; from then on Ctrl-C is its own affair.
            self.stderr.write("Stopped.")

    def _prepare_database(self, migrate: bool) -> None:
        try:
            if migrate:
                call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                raise CommandError("The database is not up to date. Run bin/dev, or manage.py migrate, first.")
        except DatabaseError as error:
            reason = str(error).strip()
            raise CommandError(f"The database cannot be used: {reason}. See DATABASE_URL, CHAT_DATA_DIR.") from error

    def _serve(self, host: str, port: int) -> None:
        # The event loop's own work is done in other threads, each with its own connection.
        setup = setup_link("")
        connections.close_all()
        server = Server(
            get_default_application(),
            host=host,
            port=port,
            on_listening=lambda open_port: self._announce(settings.CHAT_URL or base_url(host, open_port), setup),
            on_drain=drain_engine,
            drain_seconds=settings.CHAT_DRAIN,
            on_shutdown=close_engine,
            # The consumer answers a frame over its limit; the transport's own limit only cuts the line.
            websocket_bytes=max(WEBSOCKET_BYTES, 2 * settings.CHAT_FRAME_BYTES),
        )
        try:
            server.run()
        except CannotListen as error:
            if not error.in_use:
                raise CommandError(f"Cannot listen on {host}, port {port}: {error}.") from error
            other = port + 1 if port < HIGHEST_PORT else port - 1
            raise CommandError(f"Port {port} is in use. Stop what uses it, or choose another: PORT={other}") from error

    def _announce(self, address: str, setup: str | None) -> None:
        self.stdout.write(f"Chatsite is at {address} (Ctrl-C stops it)")
        if setup:
            self.stdout.write(f"Nobody has an account yet. Make the administrator's, once, at:\n  {address}{setup}")
        self.stdout.flush()
        # Finds the models now, so that the first visitor does not wait for it.
        self._engine: asyncio.Task[Engine] = asyncio.ensure_future(engine())


def base_url(host: str, port: int) -> str:
    name = "localhost" if host in EVERY_ADDRESS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def drain_engine() -> None:
    await (await engine()).drain()


async def close_engine() -> None:
    await (await engine()).close()
