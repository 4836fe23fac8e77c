"""Django's PostgreSQL backend, with a pool that recovers immediately from a restart of the server."""

from __future__ import annotations

import atexit
import os
import select
import threading
from typing import Any, ClassVar, Final

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

# Timeout for the response to an empty query, which even a busy server sends within a millisecond.
LOOK_SECONDS: Final = 2


class Silent(psycopg.OperationalError):
    """The connection is open, but the server does not respond."""


class Pool(ConnectionPool):
    """Checks each connection before handing it out.

    A server restart breaks all connections. psycopg's own pool discovers this one connection at a time, with a growing
    backoff: with eight idle connections, two requests fail after five seconds each. Here the first broken connection
    triggers a check of all others.
    """

    def __init__(self, **arguments: Any) -> None:
        # A forked process cannot use the pool: its threads do not exist there, and its connections are not ours.
        self.process = os.getpid()
        super().__init__(check=self._look_at, open=False, **arguments)

    def _look_at(self, connection: psycopg.Connection) -> None:
        try:
            self.check_connection(connection)
        except Silent:
            # All others would be silent too, and each check takes LOOK_SECONDS.
            raise
        except psycopg.Error:
            self.check()
            raise

    @staticmethod
    def check_connection(connection: psycopg.Connection) -> None:
        """Like psycopg's check, but with a timeout for a server that hangs. Raises psycopg.Error."""
        server = connection.pgconn
        server.send_query(b"")
        heard = select.poll()
        heard.register(server.socket, select.POLLIN)
        if not heard.poll(LOOK_SECONDS * 1000):
            connection.close()
            raise Silent(f"PostgreSQL: no answer after {LOOK_SECONDS} s")
        while not connection.closed and (result := server.get_result()):
            if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
                connection.close()
        if server.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("PostgreSQL: connection lost")


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools: ClassVar[dict[str, Pool]] = {}
    _making = threading.Lock()

    @property
    def pool(self) -> Pool | None:
        """The pool of this process. None for connections to another database, such as for creating one."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        with self._making:
            pool = self._connection_pools.get(self.alias)
            if pool is None or pool.process != os.getpid():
                configure = self._configure_connection  # type: ignore[attr-defined]  # missing from the stubs
                arguments = {**self.get_connection_params(), "autocommit": True}
                pool = self._connection_pools[self.alias] = Pool(kwargs=arguments, configure=configure, **options)
            return pool


def close_pools() -> None:
    """Without this, a process waits for the pool's threads when it exits, and warns."""
    for pool in DatabaseWrapper._connection_pools.values():
        if pool.process == os.getpid():
            pool.close()


atexit.register(close_pools)
