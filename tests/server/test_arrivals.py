"""Requests that arrive slowly, malformed, or never."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

import pytest

from chat.protocol.response_headers import NO_PAGE
from chat.server.arrivals import ArrivalDeadlines
from tests.server.process import END_SECONDS, ROOT, running
from tests.server.test_server import OneReader

SHORT: Final = 0.5
LONG: Final = 1000.0
HEAD: Final = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
UPGRADE: Final = b"GET /?chunks=0 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
WHOLE: Final = HEAD + b"Content-Length: 2\r\n\r\nhi"


@contextmanager
def server(**patience: float) -> Iterator[int]:
    """Run a server; yield its port."""
    with running("-m", "tests.server.streaming_app", "patience", json.dumps(patience)) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@pytest.fixture(scope="module")
def impatient() -> Iterator[int]:
    with server(head=SHORT, body=SHORT) as port:
        yield port


@pytest.fixture(scope="module")
def patient() -> Iterator[int]:
    """The control: very long timeouts."""
    with server(head=LONG, body=LONG, idle=LONG) as port:
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=END_SECONDS)


def drip(connection: socket.socket, seconds: float) -> None:
    """Send a byte now and then, until the time is over or the server responds or disconnects."""
    until = time.monotonic() + seconds
    connection.settimeout(0.05)
    with suppress(ConnectionError):
        while time.monotonic() < until:
            connection.sendall(b"x")
            with suppress(TimeoutError):
                connection.recv(1, socket.MSG_PEEK)
                break
    connection.settimeout(END_SECONDS)


def answer(connection: socket.socket) -> http.client.HTTPResponse:
    return OneReader(connection).response()


SLOW: Final = {
    "head": (HEAD + b"X-Slow: ", b"\r\nContent-Length: 0\r\n\r\n"),
    "first line": (b"GET /state?", b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "body": (HEAD + b"Content-Length: 100000\r\n\r\n", b"x" * 100_000),
    "handshake": (UPGRADE + b"X-Slow: ", b"\r\nSec-WebSocket-Version: 12\r\n\r\n"),
    "second request": (WHOLE + HEAD + b"X-Slow: ", b"\r\nContent-Length: 0\r\n\r\n"),
}


class TestSlowRequests:
    @pytest.mark.parametrize("part", SLOW)
    def test_an_endless_request_times_out_despite_activity(self, impatient: int, part: str) -> None:
        with connect(impatient) as connection:
            reader = OneReader(connection)
            connection.sendall(SLOW[part][0])
            if part == "second request":
                assert reader.response().read() == b"hi"
            drip(connection, END_SECONDS)
            refused = reader.response()
            error = json.loads(refused.read())["error"]
        assert (refused.status, error["code"], error["retryable"]) == (408, "request_timeout", True)
        assert refused.headers["Connection"] == "close"
        assert refused.headers["X-Should-Retry"] == "true"
        assert re.fullmatch("[0-9a-f]{32}", refused.headers["X-Request-ID"])
        assert NO_PAGE.items() <= dict(refused.headers).items()

    @pytest.mark.parametrize("part", SLOW)
    def test_an_idle_timeout_alone_keeps_waiting(self, patient: int, part: str) -> None:
        with connect(patient) as connection:
            reader = OneReader(connection)
            connection.sendall(SLOW[part][0])
            if part == "second request":
                assert reader.response().read() == b"hi"
            drip(connection, 2 * SHORT)
            with suppress(ConnectionError):
                connection.sendall(SLOW[part][1])
            assert reader.response().status in (200, 400)

    def test_a_connection_without_a_request_is_closed_silently(self, impatient: int) -> None:
        with connect(impatient) as connection:
            assert connection.recv(1) == b""

    def test_a_response_may_take_longer_than_a_request(self, impatient: int) -> None:
        with connect(impatient) as connection:
            connection.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            response = answer(connection)
            assert response.read(5) == b"begun"
            connection.settimeout(3 * SHORT)
            with pytest.raises(TimeoutError):
                connection.recv(1)

    def test_between_requests_only_the_idle_timeout_applies(self, impatient: int) -> None:
        """A browser keeps its connections open for the next click."""
        with connect(impatient) as connection:
            reader = OneReader(connection)
            for _ in range(2):
                connection.sendall(WHOLE)
                assert reader.response().read() == b"hi"
                time.sleep(2 * SHORT)

    def test_an_idle_keep_alive_connection_is_closed(self) -> None:
        with server(idle=SHORT) as port, connect(port) as connection:
            reader = OneReader(connection)
            connection.sendall(WHOLE)
            assert reader.response().read() == b"hi"
            assert connection.recv(1) == b""

    def test_the_timeouts_match_those_of_nginx(self) -> None:
        nginx = (ROOT / "deploy" / "nginx.conf").read_text()
        assert f"client_header_timeout {ArrivalDeadlines().head:g}s;" in nginx
        assert f"client_body_timeout {ArrivalDeadlines().body:g}s;" in nginx
        assert (ArrivalDeadlines().head, ArrivalDeadlines().body) == (20, 60)


class TestConnectionsWithoutARequest:
    def test_over_the_limit_the_oldest_connection_is_closed(self) -> None:
        with server(head=LONG, waiting=2) as port, ExitStack() as stack:
            served = stack.enter_context(connect(port))
            reader = OneReader(served)
            served.sendall(WHOLE)
            assert reader.response().read() == b"hi"
            connections = []
            for _ in range(3):
                connections.append(stack.enter_context(connect(port)))
                connections[-1].sendall(HEAD)
                # By now, the server has received it and waits for more.
                served.sendall(WHOLE)
                assert reader.response().read() == b"hi"
            oldest, *others = connections
            assert gone(oldest)
            for each in others:
                each.sendall(b"Content-Length: 2\r\n\r\nhi")
                assert answer(each).read() == b"hi"

    def test_without_the_limit_the_oldest_stays(self, patient: int) -> None:
        with ExitStack() as stack:
            for each in [stack.enter_context(connect(patient)) for _ in range(4)]:
                each.sendall(WHOLE)
                assert answer(each).read() == b"hi"


def gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "request_",
    [
        b"GET\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        HEAD + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        HEAD + b"X-Many: x\r\n" * 600 + b"\r\n",
        HEAD + b"X-Odd: a\x0bb\r\n\r\n",
        HEAD + b"X\xe9: x\r\n\r\n",
        b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
        UPGRADE + b"Sec-WebSocket-Version: x\r\n\r\n",
        UPGRADE.replace(b"/?", b"/refuse?") + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        b"dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ],
)
def test_refusals_of_the_server_have_the_common_headers(patient: int, request_: bytes) -> None:
    with connect(patient) as connection:
        connection.sendall(request_)
        refused = answer(connection)
        assert refused.status in (400, 403)
        assert len(refused.headers.get_all("X-Request-ID")) == 1
        assert re.fullmatch("[0-9a-f]{32}", refused.headers["X-Request-ID"])
        assert NO_PAGE.items() <= dict(refused.headers).items()
        body = refused.read()
        assert b"aphne" not in body
        if refused.headers["Content-Type"]:
            assert json.loads(body)["error"]["code"] == "bad_request"
        else:
            assert body == b""
