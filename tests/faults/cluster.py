"""Two servers behind nginx that share a Redis and a PostgreSQL. A wire connects each server to each of these."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import psycopg

from tests.faults.nginx import TEMPLATE, Nginx
from tests.faults.processes import SERVE, Server, Site
from tests.faults.statements import StatementWire
from tests.faults.wires import Network, Wire
from tests.members import prepare
from tests.ports import closed_port
from tests.postgres import PostgreSQL
from tests.streams.redis_server import RedisServer

SERVERS: Final = 2
READY_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.05
# Committed data must survive a killed PostgreSQL. A crash of the machine is not among the faults here.
DURABLE: Final = ("fsync=on", "full_page_writes=on", "synchronous_commit=on")


class Cluster(Site):
    """`to_redis` and `to_database` are the wires of `servers[0]` and `servers[1]`.

    Without `wired` there are none, for rows that measure time and do nothing to the wires. `durable`: PostgreSQL
    flushes each commit, as in production. `template`: nginx's configuration.
    """

    is_cluster: ClassVar[bool] = True

    def __init__(
        self, *, wired: bool = True, durable: bool = False, template: Path = TEMPLATE, **variables: str
    ) -> None:
        with ExitStack() as stack:
            # Not in pytest's own directory: the path of a Unix socket has at most 107 bytes.
            self.directory = Path(tempfile.mkdtemp(prefix="cluster-"))
            stack.callback(shutil.rmtree, self.directory)
            self.redis = RedisServer(self._subdirectory("redis"))
            stack.callback(self.redis.stop)
            self.redis.start()
            self.database = PostgreSQL(*(DURABLE if durable else ()))
            stack.callback(self.database.remove)
            self.database.start()
            self.network = Network()
            stack.callback(self.network.close)
            self.to_redis: list[Wire] = []
            self.to_database: list[StatementWire] = []
            data_dir = self._subdirectory("data")
            servers = []
            for number in range(SERVERS):
                between = self._wires(number) if wired else self._direct()
                servers.append(
                    Server(SERVE, self.directory, closed_port(), CHAT_DATA_DIR=str(data_dir), **between, **variables)
                )
            self.nginx = Nginx(self._subdirectory("nginx"), [server.port for server in servers], template=template)
            cast = prepare(data_dir, DATABASE_URL=self.database.url)
            self._serve(cast, servers, self.nginx.port)
            self._written: str | None = None
            # Nothing depends on notices: on a busy machine, sending one may time out.
            self.expected = ("notices: publishing failed for user", "notices: joining the group failed")
            stack.callback(self._keep_log)
            for server in servers:
                stack.callback(server.stop)
            stack.callback(self.nginx.stop)
            self._stack = stack.pop_all()

    @property
    def log(self) -> str:
        return super().log if self._written is None else self._written

    def start(self) -> None:
        super().start()
        self.nginx.start()

    def stop(self) -> None:
        """Stop and remove everything, whatever state it is in."""
        self._stack.close()

    def rows(self, query: str, *values: object) -> list[Any]:
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            return connection.execute(query.replace("?", "%s"), values).fetchall()  # type: ignore[arg-type]

    def adopt_redis(self, server: RedisServer) -> None:
        """Connect the wires to this Redis from now on."""
        self._stack.callback(server.stop)
        self.redis = server
        for wire in self.to_redis:
            wire.target = server.socket
            wire.break_off()

    def until_ready(self) -> None:
        """Wait until every process reports ready, after a fault in Redis or the database."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            assert self.is_alive, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(POLL_SECONDS)

    def _wires(self, number: int) -> dict[str, str]:
        """Settings that connect a server through its own wires."""
        path = self.directory / f"redis-{number}.sock"
        self.to_redis.append(self.network.socket(path, self.redis.socket))
        self.to_database.append(StatementWire(self.network, self.database.port))
        port = self.network.port(self.to_database[-1])
        database = self.database.url.replace(f":{self.database.port}/", f":{port}/")
        return {"REDIS_URL": f"unix://{path}", "DATABASE_URL": database}

    def _direct(self) -> dict[str, str]:
        return {"REDIS_URL": self.redis.url, "DATABASE_URL": self.database.url}

    def _keep_log(self) -> None:
        self._written = super().log

    def _subdirectory(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir()
        return path
