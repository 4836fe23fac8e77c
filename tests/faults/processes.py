"""The processes of these tests: the site's servers and the fake model server. Each is stopped by its process id."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.members import Member
from tests.ports import closed_port
from tests.server.process import ROOT, clean_environment

START_SECONDS: Final = 120.0
# For a graceful shutdown, on a machine that is busy with other tests.
END_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
PAGE_BYTES: Final = 4096
SERVE: Final = (sys.executable, "manage.py", "serve")


class Upstream:
    """The fake OpenAI server and its journal. `arguments`: for `python -m tests.fake_openai`."""

    def __init__(self, log: Path, *arguments: str) -> None:
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fake_openai", *arguments],
                cwd=ROOT,
                env=clean_environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        self.url = self.base_url.removesuffix("/v1")

    def journal(self, **query: str) -> dict[str, Any]:
        """`prompt`: only the exchanges with this prompt."""
        with urllib.request.urlopen(f"{self.url}/journal?{urllib.parse.urlencode(query)}", timeout=30) as response:
            data: dict[str, Any] = json.load(response)
        return data

    def exchanges(self, prompt: str) -> list[dict[str, Any]]:
        """The requests with this prompt."""
        exchanges: list[dict[str, Any]] = self.journal(prompt=prompt)["exchanges"]
        return exchanges

    def forget(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/journal", method="DELETE"), timeout=10).close()

    def release(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/release", method="POST"), timeout=10).close()

    def stop(self) -> None:
        end(self._process)


class Server:
    """One process that serves the site on a local port. `variables` are its settings.

    Its output goes to a file in `directory`.
    """

    def __init__(self, command: Sequence[str], directory: Path, port: int, **variables: str) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._log = directory / f"server-{port}.log"
        self._variables = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "OPENAI_API_KEY": "test",
            "OPENAI_MODEL": "fake-large",
            **variables,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Its settings."""
        return dict(self._variables)

    @property
    def log(self) -> str:
        """The output of the process so far, including earlier starts."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def rss(self) -> int:
        """Resident bytes of the process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, command: Sequence[str] | None = None) -> None:
        """Returns when it is ready. `command`: for this start only."""
        self.launch(command)
        self.wait_until_ready()

    def launch(self, command: Sequence[str] | None = None) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command or self._command,
                cwd=ROOT,
                env=clean_environment() | self._variables,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if time.monotonic() > deadline or not self.is_alive:
                raise AssertionError(f"the site does not start:\n{self.log}")
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """kill -9: nothing more is written and nobody is notified."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(END_SECONDS)

    def wait(self, seconds: float) -> int:
        """Wait until the process exits; return the exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def exit_code(self) -> int:
        """Wait until the process exits after a signal; return the exit code."""
        assert self._process is not None
        return self._process.wait(END_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False


class Site:
    """The site in one process, on a free port, with SQLite in `data_dir`. `variables` are its settings.

    All configurations have this interface: an address, users, processes and the database's content.
    """

    # Whether there are several processes: messages between them take a moment longer.
    is_cluster: ClassVar[bool] = False

    def __init__(self, data_dir: Path, cast: dict[str, Member], **variables: str) -> None:
        self.data_dir = data_dir
        port = closed_port()
        self._serve(
            cast, [Server(self._command(port), data_dir, port, CHAT_DATA_DIR=str(data_dir), **variables)], port
        )

    def _serve(self, cast: dict[str, Member], servers: Sequence[Server], port: int) -> None:
        """`port`: for clients."""
        self.cast = cast
        self.servers = servers
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        # Log messages whose tracebacks a test provoked.
        self.expected: tuple[str, ...] = ()

    @property
    def log(self) -> str:
        """The output of the processes so far, including earlier starts."""
        return "".join(server.log for server in self.servers)

    @property
    def rss(self) -> int:
        """Resident bytes of the processes."""
        return sum(server.rss for server in self.servers)

    @property
    def is_alive(self) -> bool:
        return all(server.is_alive for server in self.servers)

    def start(self) -> None:
        for server in self.servers:
            server.launch()
        for server in self.servers:
            server.wait_until_ready()

    def kill(self) -> None:
        """kill -9: nothing more is written and nobody is notified."""
        for server in self.servers:
            server.kill()

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def is_ready(self) -> bool:
        return all(server.is_ready() for server in self.servers)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Query the database directly, not through the site. Placeholders are `?`."""
        stored = [value.hex if isinstance(value, uuid.UUID) else value for value in values]
        with closing(self.connect()) as connection:
            return connection.execute(query, stored).fetchall()

    def connect(self, *, seconds: float = 5.0) -> sqlite3.Connection:
        """A separate connection, in autocommit mode: only an explicit BEGIN starts a transaction."""
        return sqlite3.connect(self.data_dir / "chat.sqlite3", timeout=seconds, isolation_level=None)

    def _command(self, port: int) -> Sequence[str]:
        return SERVE


class UvicornSite(Site):
    """Like Site, but served by uvicorn."""

    def _command(self, port: int) -> Sequence[str]:
        options = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "5")
        return (sys.executable, "-m", "uvicorn", "chatsite.asgi:application", *options)


def end(process: subprocess.Popen[Any]) -> None:
    """Send SIGTERM, and fail if the process does not exit."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("the process did not exit after SIGTERM") from None
