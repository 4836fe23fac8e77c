"""The processes of the rig: the site, and the model's server that it asks. Each is ended by its own id."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fake_openai.server import closed_port
from tests.server.process import ROOT, clean_environment

START_SECONDS: Final = 40.0
# An orderly end, on a machine that is busy with other tests.
END_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02
PAGE_BYTES: Final = 4096


@dataclass(frozen=True)
class Member:
    """One of the cast, with what signs them in."""

    name: str
    id: int
    token: str
    session: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}"}


class Upstream:
    """The fake OpenAI server, and its journal."""

    def __init__(self, log: Path) -> None:
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fake_openai"],
                cwd=ROOT,
                env=clean_environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        self.url = self.base_url.removesuffix("/v1")

    def journal(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/journal", timeout=10) as response:
            data: dict[str, Any] = json.load(response)
        return data

    def exchanges(self, prompt: str) -> list[dict[str, Any]]:
        """The requests for an answer to this prompt."""
        return [exchange for exchange in self.journal()["exchanges"] if exchange["prompt"] == prompt]

    def forget(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/journal", method="DELETE"), timeout=10).close()

    def release(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/release", method="POST"), timeout=10).close()

    def stop(self) -> None:
        end(self._process)


class Site:
    """The site on a free port of this machine, with its data in `data_dir`. `variables` are its settings."""

    def __init__(self, data_dir: Path, cast: dict[str, Member], **variables: str) -> None:
        self.data_dir = data_dir
        self.cast = cast
        self.port = closed_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self._variables = {
            "CHAT_DATA_DIR": str(data_dir),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "OPENAI_API_KEY": "test",
            "OPENAI_MODEL": "fake-large",
            **variables,
        }
        # Log messages whose tracebacks a test has provoked.
        self.expected: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All that the process has written so far, over all its starts."""
        path = self.data_dir / "server.log"
        return path.read_text() if path.exists() else ""

    @property
    def rss(self) -> int:
        """Resident bytes of the process."""
        assert self._process is not None
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with (self.data_dir / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=clean_environment() | self._variables,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if time.monotonic() > deadline or not self.is_alive:
                raise AssertionError(f"the site does not start:\n{self.log}")
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """kill -9: nothing is written any more, nobody is told."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(END_SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)

    def rows(self, query: str, *values: object) -> list[Any]:
        """What the database holds now, read past the site."""
        with closing(self.connect()) as connection:
            return connection.execute(query, values).fetchall()

    def connect(self, *, seconds: float = 5.0) -> sqlite3.Connection:
        """A connection of another process. Nothing begins a transaction but a statement that says so."""
        return sqlite3.connect(self.data_dir / "chat.sqlite3", timeout=seconds, isolation_level=None)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False


def end(process: subprocess.Popen[Any]) -> None:
    """SIGTERM, and a failure if that is not enough."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("a process does not end when it is told to") from None


def prepare(data_dir: Path) -> dict[str, Member]:
    """Tables and people in an empty directory."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.faults.cast"],
        cwd=ROOT,
        env=clean_environment() | {"CHAT_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return {name: Member(name, **credentials) for name, credentials in json.loads(made.stdout).items()}
