"""A server in a separate process, stopped at the end of the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# How long a process may take to exit: the server's own limits, and time for a busy machine.
END_SECONDS = 60
LINE_SECONDS = 60


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run `python <arguments>` in the project's directory, with its output as text; stop it by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", *arguments],
        cwd=ROOT,
        env=clean_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def clean_environment() -> dict[str, str]:
    """Without the settings of the person who runs the tests. No draining: tests that need it turn it on."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "CHAT_ENV_FILE": "",
        "CHAT_DRAIN": "0",
        # One request per answer, unless a test wants a title.
        "CHAT_TITLES": "0",
        "OLLAMA_URL": "http://127.0.0.1:9",
    }


def ended(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is expected to exit by itself."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def lines_until(process: subprocess.Popen[str], needle: str) -> list[str]:
    """The lines of output up to the one with the needle.

    Fails with all of them if the process exits first. The process is killed if the line is missing after LINE_SECONDS.
    """
    lines: list[str] = []
    assert process.stdout is not None
    too_late = threading.Timer(LINE_SECONDS, process.kill)
    too_late.start()
    try:
        for line in process.stdout:
            lines.append(line)
            if needle in line:
                return lines
    finally:
        too_late.cancel()
    raise AssertionError(f"no {needle!r} in:\n{''.join(lines)}")


def wait_for_sigterm_handler(pid: int) -> None:
    """Wait until the process handles SIGTERM, which a server does once it listens."""
    ends = time.monotonic() + LINE_SECONDS
    while time.monotonic() < ends:
        caught = next(
            line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")
        )
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} does not listen to SIGTERM")
