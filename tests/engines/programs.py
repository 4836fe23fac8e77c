"""Runs the programs that make up a browser, with a temporary home that is deleted when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.server.process import clean_environment

END_SECONDS: Final = 20.0


@contextmanager
def home() -> Iterator[Path]:
    """A folder for everything that a browser writes."""
    with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def running(
    command: Sequence[str], folder: Path, *, variables: dict[str, str], pass_fds: Sequence[int] = ()
) -> Iterator[Path]:
    """Yields the program's log file. Ends the program with all its child processes, which share a process group."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean_environment() | _places(folder) | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        _end(process)


def said(log: Path) -> str:
    return log.read_text(errors="replace")


def _places(folder: Path) -> dict[str, str]:
    """Variables that keep the browser out of the developer's home directory and desktop session."""
    for name in ("tmp", "run"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "GSETTINGS_BACKEND": "memory",
        "NO_AT_BRIDGE": "1",
        "LANG": "C.UTF-8",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # Child processes that it left behind.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
