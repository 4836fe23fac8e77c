"""`manage.py serve --uds PATH`, for a proxy on the same machine."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import socket
import stat
import urllib.parse
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidStatus

from tests.cast import PASSWORD
from tests.members import prepare
from tests.server.process import END_SECONDS, ended, lines_until, running, wait_for_sigterm_handler
from tests.streams.redis_server import RedisServer

SERVE = ("manage.py", "serve", "--migrate")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.sock"


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return str(tmp_path / "data")


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=END_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(END_SECONDS)
        self.sock.connect(str(self._path))


def ask(path: Path, address: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
    """Status, cookies and page."""
    connection = Connection(path)
    body = urllib.parse.urlencode(form) if form else None
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request("POST" if form else "GET", address, body, {"Origin": "http://localhost", **kind, **headers})
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    cookies = "; ".join(each.split(";")[0] for each in response.headers.get_all("Set-Cookie", []))
    return response.status, cookies, page


def sign_up(path: Path) -> int:
    _, cookies, page = ask(path, "/accounts/signup/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
    form = {"username": "dora", "email": "", "password1": PASSWORD, "password2": PASSWORD}
    return ask(path, "/accounts/signup/", {**form, "csrfmiddlewaretoken": token}, Cookie=cookies)[0]


async def handshake(path: Path) -> int:
    try:
        async with unix_connect(str(path), "ws://localhost/ws/chat", origin="http://localhost"):  # type: ignore[arg-type]
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_it_serves_on_the_socket_and_removes_it_at_the_end(path: Path, data_dir: str) -> None:
    prepare(Path(data_dir))
    with running(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir) as process:
        lines_until(process, "Chatsite is at ")
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        assert ask(path, "/readyz")[0] == 200
        assert sign_up(path) == 302
        assert asyncio.run(handshake(path)) == 101
        # Anyone the proxy lets in can send requests over the socket.
        assert ask(path, "/metrics")[0] == 404
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=END_SECONDS)
    assert "Traceback" not in output
    assert not path.exists()


def test_startup_names_the_socket_and_no_port(path: Path, data_dir: str) -> None:
    with running(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir) as process:
        where = lines_until(process, "Chatsite is at ")[-1]
        *_, asked, link = lines_until(process, "/setup/?token=")
        told = lines_until(process, "CHAT_URL")[-1]
    assert where == f"Chatsite is at the socket {path} (Ctrl-C stops it)\n"
    assert "at this path of your proxy's URL" in asked
    assert link.startswith("  /setup/?token=")
    assert "Set CHAT_URL" in told


@pytest.mark.parametrize(
    "variables",
    [
        {"CHAT_URL": "https://chat.example.org/x"},
        {"CHAT_HTTPS": "1", "ALLOWED_HOSTS": "chat.example.org", "CHAT_TRUSTED_PROXIES": "1"},
    ],
    ids=["given", "from a name"],
)
def test_startup_names_the_public_url_if_known(path: Path, data_dir: str, variables: dict[str, str]) -> None:
    address = variables.get("CHAT_URL", "https://chat.example.org")
    with running(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir, **variables) as process:
        where = lines_until(process, "Chatsite is at ")[-1]
        link = lines_until(process, "/setup/?token=")[-1]
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=END_SECONDS)
    assert where == f"Chatsite is at {address} (by the socket {path}; Ctrl-C stops it)\n"
    assert link.startswith(f"  {address}/setup/?token=")
    assert "CHAT_URL" not in rest


def test_only_a_stale_socket_is_replaced(path: Path, data_dir: str) -> None:
    with running(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir) as process:
        lines_until(process, "Chatsite is at ")
        second = ended(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir)
        assert second.returncode != 0
        assert f"Cannot listen on {path}: Address already in use." in second.stdout
        assert ask(path, "/healthz")[0] == 200
        process.kill()
        process.wait(END_SECONDS)
    assert path.exists()
    with running(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir) as process:
        lines_until(process, "Chatsite is at ")
        assert ask(path, "/healthz")[0] == 200


def test_a_regular_file_is_not_replaced(path: Path, data_dir: str) -> None:
    path.write_text("precious")
    refused = ended(*SERVE, "--uds", str(path), CHAT_DATA_DIR=data_dir)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout
    assert path.read_text() == "precious"


@pytest.mark.redis
def test_a_worker_that_exits_does_not_remove_the_socket(redis: RedisServer, path: Path, data_dir: str) -> None:
    variables = {"CHAT_DATA_DIR": data_dir, "CHAT_WORKERS": "2", "REDIS_URL": redis.url}
    with running(*SERVE, "--uds", str(path), **variables) as process:
        lines_until(process, "Chatsite is at ")
        workers = [int(lines_until(process, "started worker")[-1].split()[-1]) for _ in range(2)]
        for worker in workers:
            wait_for_sigterm_handler(worker)
        assert ask(path, "/healthz")[0] == 200
        os.kill(workers[0], signal.SIGTERM)
        lines_until(process, "exited with")
        assert ask(path, "/healthz")[0] == 200
        assert path.exists()
