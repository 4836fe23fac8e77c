"""A server in a process of its own, ended with the test."""

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
# What a process may take to end: the server's own bounds, and room for a busy machine.
END_SECONDS = 60
LINE_SECONDS = 60


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`python <arguments>` in the project's directory, with its output as text; ended by SIGTERM."""
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
    """Without the settings of whoever runs the tests. Ended at once: what is drained is for some tests to see."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "CHAT_ENV_FILE": "",
        "CHAT_DRAIN": "0",
        # One request for one answer, unless a test wants a title.
        "CHAT_TITLES": "0",
        "OLLAMA_URL": "http://127.0.0.1:9",
    }


def ended(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Of a command that is expected to end by itself."""
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

    Fails with all of them if the process ends before. One that is still silent after LINE_SECONDS is killed.
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


def until_heeding(pid: int) -> None:
    """Until the process has a handler of its own for SIGTERM, which a server sets once it listens."""
    ends = time.monotonic() + LINE_SECONDS
    while time.monotonic() < ends:
        caught = next(
            line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")
        )
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} does not listen to SIGTERM")
