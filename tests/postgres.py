"""A real PostgreSQL server, started for the tests and thrown away after them.

`python -m tests.postgres COMMAND…` runs a command with TEST_DATABASE_URL set to one.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.ports import closed_port

START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
# A power failure may lose this data. A killed server still finds what it has committed.
CARELESS: Final = ("fsync=off", "full_page_writes=off")


class PostgreSQL:
    """A server with its data in a temporary directory, on a free port of this machine. It trusts everybody.

    PostgreSQL refuses to run as root, so a run by root gives it to the user of Debian's package.
    """

    def __init__(self, *options: str) -> None:
        """`options`: as in postgresql.conf, `name=value`."""
        # Not below pytest's own directory, which only its user may enter.
        self._directory = Path(tempfile.mkdtemp(prefix="chatsite-postgres-"))
        self._data = self._directory / "data"
        self._options = (*CARELESS, *options)
        self._owner = _unprivileged_owner()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = closed_port()
        self.url = self.url_of("postgres")
        if self._owner:
            shutil.chown(self._directory, self._owner["user"], self._owner["group"])
        self._run(
            "initdb", "-D", self._data, "-U", "chatsite", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
        )

    def url_of(self, database: str) -> str:
        return f"postgresql://chatsite@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """An empty database; its address."""
        self.execute(f"CREATE DATABASE {database}")
        return self.url_of(database)

    def execute(self, query: str, *values: Any, database: str = "postgres") -> list[Any]:
        """The rows that a statement yields, if it yields any."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Returns when it accepts connections."""
        arguments = ["-D", self._data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        for option in ("unix_socket_directories=", *self._options):
            arguments += ["-c", option]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), *arguments], stdout=log, stderr=log, cwd=self._directory, **self._owner
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"PostgreSQL does not start:\n{self.log}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Like `pg_ctl stop -m fast`: closes every connection and keeps everything that was committed."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 all its processes at once. Returns when none is left: the next start needs their shared memory."""
        assert self._process is not None
        # While stopped, it starts no new ones.
        self._process.send_signal(signal.SIGSTOP)
        pids = self._signal_all(signal.SIGKILL)
        self._process.wait(START_SECONDS)
        deadline = time.monotonic() + START_SECONDS
        while any(_runs(pid) for pid in pids):
            assert time.monotonic() < deadline, "PostgreSQL's processes do not end"
            time.sleep(POLL_SECONDS)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Suspend all its processes. Connections stay open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, whatever it is doing, and delete its data."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._signal(signal.SIGQUIT)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def log(self) -> str:
        path = self._directory / "log"
        return path.read_text() if path.exists() else ""

    def _signal_all(self, number: signal.Signals) -> list[int]:
        """Signal all its processes, and return their ids. One may have just exited by itself."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        pids = [self._process.pid, *map(int, children)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(START_SECONDS)

    def _run(self, program: str, *arguments: object) -> None:
        command = [_program(program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._directory, check=False, **self._owner)
        assert done.returncode == 0, done.stdout + done.stderr


def _runs(pid: int) -> bool:
    """An exited process may stay in the process table until its exit code is collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _program(name: str) -> str:
    """Debian installs the server's programs in a folder per version, which is not in PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found, f"{name} is missing: install PostgreSQL"
    return found


def _unprivileged_owner() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam("postgres")
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


@contextmanager
def postgresql(*options: str) -> Iterator[PostgreSQL]:
    """A running server."""
    server = PostgreSQL(*options)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def main() -> int:
    with postgresql() as server:
        environment = {**os.environ, "TEST_DATABASE_URL": server.url}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
