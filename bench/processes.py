"""The processes of the benchmark: the model, Redis, the site, the reference. Each is ended by its own id."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import machine
from tests.server.process import ROOT, clean_environment

START_SECONDS: Final = 60.0
END_SECONDS: Final = 10.0
VENV: Final = ROOT / ".venv-bench"
REQUIREMENTS: Final = ROOT / "bench" / "requirements.txt"


class Process:
    """A program on the given cores; its output goes to a file that is shown if it fails."""

    def __init__(self, command: list[str], *, cores: set[int], log: Path, cwd: Path = ROOT, **variables: str) -> None:
        self._log = log
        with log.open("ab") as output, machine.running_on(cores):
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=clean_environment() | variables,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
            )
        self.pid = self._process.pid

    def first_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        if not line:
            raise self.failure("said nothing")
        return line

    def wait_until_ready(self, url: str) -> None:
        self._wait_until(lambda: _answers(url))

    def wait_for_port(self, port: int) -> None:
        self._wait_until(lambda: _listens(port))

    def _wait_until(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self.failure("does not start")
            time.sleep(0.02)

    def failure(self, what: str) -> SystemExit:
        return SystemExit(f"A process of the benchmark {what}:\n{self._log.read_text()[-4000:]}")

    def kill(self) -> None:
        """At once: nothing of it is needed any more, and an orderly end would take its time."""
        self._process.kill()
        self._process.communicate()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Server(Process):
    """Something that answers messages with streams on 127.0.0.1:port. Every start is a new process."""

    def __init__(
        self, command: list[str], port: int, *, cores: set[int], log: Path, cwd: Path = ROOT, **variables: str
    ) -> None:
        super().__init__(command, cores=cores, log=log, cwd=cwd, **variables)
        self.port = port
        self.wait_until_ready(f"http://127.0.0.1:{port}/readyz")


def install_reference() -> None:
    """The reference's pinned packages, in a virtual environment that only the benchmark uses."""
    installed = VENV / "installed"
    wanted = REQUIREMENTS.read_text() + ("uvloop\n" if uses_uvloop() else "")
    if installed.exists() and installed.read_text() == wanted:
        return
    print(f"Installing {REQUIREMENTS.relative_to(ROOT)} into {VENV.name} …", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(REQUIREMENTS), *(["uvloop"] if uses_uvloop() else [])], check=True)
    installed.write_text(wanted)


def reference_is_installed() -> bool:
    return (VENV / "installed").exists()


def reference_versions() -> dict[str, str]:
    code = (
        "import json, importlib.metadata as m;"
        "print(json.dumps({n: m.version(n) for n in ('fastapi', 'sse-starlette', 'uvicorn', 'openai')}))"
    )
    shown = subprocess.run([str(VENV / "bin" / "python"), "-c", code], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(shown.stdout)
    return versions


def uses_uvloop() -> bool:
    """Whether the site runs on uvloop here (chatsite/event_loop.py); then the reference does too."""
    return importlib.util.find_spec("uvloop") is not None


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
