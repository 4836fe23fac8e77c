"""A site that has no file descriptors left."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chatsite import descriptors
from tests.server.process import END_SECONDS, lines_until, running

LIMIT = 160
UNDER_A_LIMIT = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "
    "os.execv(sys.executable, [sys.executable, 'manage.py', 'serve', '--migrate', '--port', '0'])"
)


class Site:
    def __init__(self, process: object, address: str) -> None:
        self.process = process
        self.address = address

    def status(self, path: str) -> tuple[int, bytes]:
        host = urlsplit(self.address).netloc
        # By hand, because a server may respond before it has read the whole request.
        with socket.create_connection(host.split(":"), timeout=END_SECONDS) as connection:  # type: ignore[arg-type]
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def becomes(self, path: str, *statuses: int) -> bytes:
        """Poll, because the server's own status is up to a second old."""
        deadline = time.monotonic() + END_SECONDS
        while (answer := self.status(path))[0] not in statuses:
            assert time.monotonic() < deadline
        return answer[1]

    def fill(self, stack: ExitStack, count: int) -> None:
        """Open connections that are kept alive after a request."""
        host, port = urlsplit(self.address).netloc.split(":")
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=END_SECONDS))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


@contextmanager
def serving(tmp_path: Path, *, soft: int, hard: int) -> Iterator[Site]:
    command = UNDER_A_LIMIT.format(soft=soft, hard=hard)
    with running("-c", command, CHAT_DATA_DIR=str(tmp_path / "data")) as process:
        yield Site(process, lines_until(process, "Chatsite is at ")[-1].split()[3])


def test_running_out_of_descriptors_is_logged_once_and_not_ready(tmp_path: Path) -> None:
    with serving(tmp_path, soft=LIMIT, hard=LIMIT) as site:
        assert site.status("/readyz")[0] == 200
        with ExitStack() as stack:
            site.fill(stack, 2 * LIMIT)
            assert json.loads(site.becomes("/readyz", 503))["connections"] is False
            assert site.status("/healthz")[0] == 200
            status, body = site.status("/accounts/login/")
            assert (status, json.loads(body)["error"]["code"]) == (503, "unavailable")
        site.becomes("/readyz", 200)
        assert site.status("/accounts/login/")[0] in (200, 302)
        site.process.send_signal(signal.SIGTERM)  # type: ignore[attr-defined]
        log, _ = site.process.communicate(timeout=END_SECONDS)  # type: ignore[attr-defined]
    assert log.count(f"no file descriptors left (limit {LIMIT})") == 1
    assert "Traceback" not in log


def test_connections_without_a_request_make_room(tmp_path: Path) -> None:
    with serving(tmp_path, soft=LIMIT, hard=LIMIT) as site, ExitStack() as stack:
        host, port = urlsplit(site.address).netloc.split(":")
        for _ in range(2 * LIMIT):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=END_SECONDS))
        site.becomes("/accounts/login/", 200, 302)


def test_the_limit_is_raised_at_the_start(tmp_path: Path) -> None:
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    with serving(tmp_path, soft=LIMIT, hard=hard) as site:
        limits = Path(f"/proc/{site.process.pid}/limits").read_text()  # type: ignore[attr-defined]
        line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
        assert line.split()[3:5] == [str(hard), str(hard)]


def test_the_last_descriptors_are_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as file:
        lowest_free = file.fileno()
    for limit, has_room in (
        (lowest_free + descriptors.RESERVE + 1, True),
        (lowest_free + descriptors.RESERVE, False),
        (resource.RLIM_INFINITY, True),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda which, limit=limit: (limit, limit))
        assert descriptors.have_room() is has_room
