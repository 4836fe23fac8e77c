"""Django's PostgreSQL backend, with a pool that gets over a restart of the server at once."""

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

# For the answer to the shortest of all queries, which a busy server gives in a millisecond.
LOOK_SECONDS: Final = 2


class Silent(psycopg.OperationalError):
    """The connection is there, but nobody answers."""


class Pool(ConnectionPool):
    """Looks at each connection before it hands it out.

    A server that was restarted has ended them all. psycopg's own pool would find that out one by one, and wait longer
    after each: with eight connections that nobody used, two requests fail after five seconds each. Here the first
    that is found broken has all others looked at.
    """

    def __init__(self, **arguments: Any) -> None:
        # Of another process, after a fork, it is of no use: its threads are not there, its connections not ours.
        self.process = os.getpid()
        super().__init__(check=self._look_at, open=False, **arguments)

    def _look_at(self, connection: psycopg.Connection) -> None:
        try:
            self.check_connection(connection)
        except Silent:
            # All others would be silent too, and each look takes its time.
            raise
        except psycopg.Error:
            self.check()
            raise

    @staticmethod
    def check_connection(connection: psycopg.Connection) -> None:
        """As psycopg's, which waits for ever for a server that stands still. Raises psycopg.Error."""
        server = connection.pgconn
        server.send_query(b"")
        heard = select.poll()
        heard.register(server.socket, select.POLLIN)
        if not heard.poll(LOOK_SECONDS * 1000):
            connection.close()
            raise Silent(f"PostgreSQL has not answered for {LOOK_SECONDS} seconds.")
        while not connection.closed and (result := server.get_result()):
            if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
                connection.close()
        if server.status != psycopg.pq.ConnStatus.OK:
            raise psycopg.OperationalError("The connection is lost.")


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools: ClassVar[dict[str, Pool]] = {}
    _making = threading.Lock()

    @property
    def pool(self) -> Pool | None:
        """This process's. None for connections that are none of the site's database."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        with self._making:
            pool = self._connection_pools.get(self.alias)
            if pool is None or pool.process != os.getpid():
                configure = self._configure_connection  # type: ignore[attr-defined]  # the stubs are of an older Django
                arguments = {**self.get_connection_params(), "autocommit": True}
                pool = self._connection_pools[self.alias] = Pool(kwargs=arguments, configure=configure, **options)
            return pool


def close_pools() -> None:
    """Without it the end of a process waits for the pool's threads, and warns."""
    for pool in DatabaseWrapper._connection_pools.values():
        if pool.process == os.getpid():
            pool.close()


atexit.register(close_pools)
