"""Finds a Docker engine: one that is running already, or one that a script starts.

The script's commands: `setup`, `build-mode` (containers use the host's network), `run-mode` (a separate network),
`stop`, `base KIND TAG` (imports a substitute for a public image), `docker …` and `exec …` (inside that network).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tests.ports import closed_port
from tests.server.process import ROOT

SCRIPT: Final = Path("shared/tools/engine/engine.sh")
# The first setup downloads a root file system and packages.
SETUP_SECONDS: Final = 600
COMMAND_SECONDS: Final = 300
TUNNEL_SECONDS: Final = 30
POLL_SECONDS: Final = 0.02
# The only variables passed to `docker compose up`, which must run without settings.
PASSED_ON: Final = re.compile(r"(PATH|HOME|LANG|TMPDIR|(DOCKER|ENGINE|XDG)_.*|https?_proxy|no_proxy)", re.IGNORECASE)


class NoEngine(Exception):
    """No engine was found. The message says what was tried."""


class Engine:
    """An engine that is running already. `build_network`: the network that build steps use."""

    build_network = "default"

    def docker(self, *arguments: str, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
        return run([*self.command, *arguments], check=check, **options)

    @property
    def command(self) -> list[str]:
        return ["docker"]

    def prepare_build(self, images: list[str]) -> None:
        """`images`: those that the build and the containers use."""

    def prepare_run(self) -> None:
        """Called after the build."""

    @contextmanager
    def forward(self, port: int) -> Iterator[int]:
        """The port on this machine at which a published port can be reached."""
        yield port

    def stop(self) -> None:
        """Stops only what was started here."""


class ScriptEngine(Engine):
    def __init__(self, script: Path) -> None:
        self._script = str(script)
        self.build_network = "host"

    @property
    def command(self) -> list[str]:
        return [self._script, "docker"]

    def prepare_build(self, images: list[str]) -> None:
        run([self._script, "setup"], seconds=SETUP_SECONDS)
        # The previous holder of the lock has exited, but may have left the engine running.
        self.stop()
        run([self._script, "build-mode"])
        for image in images:
            if self.docker("image", "inspect", image, check=False).returncode != 0:
                kind = image.rpartition("/")[2].partition(":")[0]
                run([self._script, "base", kind, image], seconds=SETUP_SECONDS)

    def prepare_run(self) -> None:
        self.stop()
        run([self._script, "run-mode"])

    def stop(self) -> None:
        run([self._script, "stop"], check=False)

    @contextmanager
    def forward(self, port: int) -> Iterator[int]:
        directory = Path(tempfile.mkdtemp(prefix="chatsite-tunnel-"))
        door, here = str(directory / "door"), closed_port()
        tunnel = [sys.executable, "-m", "tests.compose.tunnel"]
        ends = [
            subprocess.Popen(command, cwd=ROOT, env=environment(), start_new_session=True)
            for command in (
                [self._script, "exec", *tunnel, door, str(port)],
                [*tunnel, str(here), door],
            )
        ]
        try:
            wait_for_file(Path(door))
            yield here
        finally:
            for end in ends:
                # The whole process group: a shell does not forward the signal to its children.
                os.killpg(end.pid, signal.SIGTERM)
                end.wait(COMMAND_SECONDS)
            shutil.rmtree(directory)


def find() -> Engine:
    """Raises NoEngine."""
    if answers(["docker", "info"]) and answers(["docker", "compose", "version"]):
        return Engine()
    if script := next((path for path in scripts() if path.is_file()), None):
        if os.geteuid() != 0:
            raise NoEngine(f"No Docker engine answers, and only root can start one with {script}.")
        return ScriptEngine(script)
    raise NoEngine(
        "No Docker engine with Compose answers (docker info, docker compose version), and there is no script that "
        f"starts one: set CHAT_TEST_ENGINE to its path, or put it at ../{SCRIPT}."
    )


def scripts() -> Iterator[Path]:
    """Possible paths: CHAT_TEST_ENGINE if set, else next to this checkout or to the one it was cloned from."""
    if given := os.environ.get("CHAT_TEST_ENGINE"):
        yield Path(given)
        return
    yield ROOT.parent / SCRIPT
    origin = subprocess.run(
        ["git", "config", "remote.origin.url"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    if origin.startswith(("/", "file:///")):
        yield Path(origin.removeprefix("file://").removesuffix(".git")).parent / SCRIPT


def answers(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def only_one() -> Iterator[IO[str]]:
    """Only one test run on this machine can use an engine at a time."""
    with (Path(tempfile.gettempdir()) / "chatsite-compose.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def run(
    command: list[str], *, check: bool = True, seconds: float = COMMAND_SECONDS, cwd: Path = ROOT, **variables: object
) -> subprocess.CompletedProcess[str]:
    # A file, not a pipe: a daemon that the command starts in the background keeps its output open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment() | {name: str(value) for name, value in variables.items()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        output.seek(0)
        done.stdout = output.read()
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + TUNNEL_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(POLL_SECONDS)
