"""What nginx responds by itself, what it refuses, and what it logs."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.nginx import Nginx, nginx
from tests.fake_openai.certificate import self_signed
from tests.fake_openai.server import closed_port
from tests.server.process import END_SECONDS, running

# A rate so low that the speed of the machine does not matter.
SLOWLY: Final = {f"rate={pace}r/s": "rate=1r/m" for pace in ("${CHAT_ADDRESS_REQUESTS}", "2")}
SECRET: Final = "c4f2-verysecret"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def nobody() -> str:
    """An address at which no server answers."""
    return f"127.0.0.1:{closed_port()}"


@pytest.fixture(scope="module")
def plain(nobody: str) -> Iterator[Nginx]:
    with nginx(nobody) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def tls(nobody: str, certificate: Path) -> Iterator[Nginx]:
    changed = {"client_header_timeout 20s": "client_header_timeout 1s"}
    with nginx(nobody, certificate=certificate, changed=changed) as proxy:
        yield proxy


def connect(proxy: Nginx, *, encrypted: bool | None = None) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=END_SECONDS)
    if proxy.url.startswith("https") if encrypted is None else encrypted:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(connection)
    return connection


def get(path: str, *, method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}Connection: close\r\n\r\n".encode()


def ask(proxy: Nginx, request: bytes, *, encrypted: bool | None = None) -> tuple[int, http.client.HTTPMessage, str]:
    with connect(proxy, encrypted=encrypted) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers, answer.read().decode()


REFUSED: Final = [
    (get("/api/x", more="Content-Length: x\r\n"), 400, "bad_request"),
    (get("/api/x", more="Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400, "bad_request"),
    (b"GET /api/x HTTP/1.1\r\n\r\n", 400, "bad_request"),
    (get("/api/x%00"), 400, "bad_request"),
    (b"G<T /api/x HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
    (get("/api/x", method="TRACE"), 405, "method_not_allowed"),
    (get("/metrics"), 404, "not_found"),
    (get("/api/x", more="Content-Length: 99999999999\r\n"), 413, "body_too_big"),
    (get(f"/api/{'x' * 40_000}"), 414, "bad_request"),
    (get("/api/x", more=f"X-Long: {'x' * 40_000}\r\n"), 431, "bad_request"),
    (get("/api/x"), 503, "unavailable"),
    (get("/c/1"), 503, "unavailable"),
    (get("/static/js/chat.js"), 503, "unavailable"),
    (get("/setup/"), 503, "unavailable"),
    (get("/ws/chat", more="Upgrade: websocket\r\n"), 503, "unavailable"),
]


@pytest.mark.parametrize(("request_", "status", "code"), REFUSED)
def test_each_refusal_has_the_common_headers_once(tls: Nginx, request_: bytes, status: int, code: str) -> None:
    got, headers, body = ask(tls, request_)
    assert got == status
    for name, value in {**HEADERS, "Strict-Transport-Security": "max-age=31536000"}.items():
        assert headers.get_all(name) == [value], name
    assert headers["Retry-After"] == ("2" if status == 503 else None)
    assert headers["X-Should-Retry"] == ("true" if status == 503 else "false")
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-ID"])
    if headers.get_content_type() == "application/json":
        assert json.loads(body)["error"]["code"] == code
        assert json.loads(body)["error"]["retryable"] is (status == 503)
    else:
        assert (headers.get_content_type(), headers.get_content_charset()) == ("text/html", None)
        assert 'charset="utf-8"' in body
    assert "nginx" not in body


def test_a_request_keeps_its_request_id(plain: Nginx) -> None:
    for sent, kept in (
        (f"{'x' * 128}", True),
        ("job-17=a+b_C", True),
        ("x" * 129, False),
        ("a b", False),
        ("10.0.0.1", False),
    ):
        name = ask(plain, get("/api/x", more=f"X-Request-ID: {sent}\r\n"))[1]["X-Request-ID"]
        assert (name == sent) is kept, sent


def test_api_clients_get_json_and_browsers_get_a_page(tls: Nginx) -> None:
    for path, kind in (("/api/x", "application/json"), ("/apix", "text/html"), ("/c/api/", "text/html")):
        assert ask(tls, get(path))[1].get_content_type() == kind


def test_plain_http_sends_no_hsts_header(plain: Nginx) -> None:
    _, headers, _ = ask(plain, get("/"))
    assert headers["Strict-Transport-Security"] is None
    assert HEADERS.items() <= dict(headers).items()


def test_plain_http_at_the_port_of_https_is_refused(tls: Nginx) -> None:
    status, headers, _ = ask(tls, get("/"), encrypted=False)
    assert status == 400
    assert HEADERS.items() <= dict(headers).items()


def test_hsts_is_the_same_as_that_of_the_site(nobody: str) -> None:
    """A browser keeps the last Strict-Transport-Security header that it received."""
    settings = {"CHAT_HTTPS": "1", "CHAT_HSTS_SUBDOMAINS": "on", "CHAT_HSTS_PRELOAD": "1"}
    with nginx(nobody, **settings) as proxy:
        _, headers, _ = ask(proxy, get("/"))
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics?x", "//metrics", "/./metrics", "/x/../metrics", "/%6detrics", "http://h/metrics"]
)
def test_the_metrics_are_not_public(plain: Nginx, path: str) -> None:
    assert ask(plain, get(path))[0] == 404
    # The control: anything else is passed on to a server, which is down.
    assert ask(plain, get(path.replace("m", "n", 1) if "%" not in path else "/%6eetrics"))[0] == 503


def test_slow_headers_time_out(tls: Nginx) -> None:
    with connect(tls) as connection:
        connection.sendall(b"GET /api/x HTTP/1.1\r\nX-Slow: ")
        with suppress(OSError):
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)
        assert connection_ended(connection)
    with connect(tls) as connection:
        connection.sendall(get("/api/x"))
        assert connection.recv(12) == b"HTTP/1.1 503"


def connection_ended(connection: socket.socket) -> bool:
    with suppress(OSError):
        while connection.recv(65536):
            """Discard what it sent before."""
    return True


@pytest.mark.parametrize(("changed", "status"), [({}, 408), ({"proxy_request_buffering off;": ""}, 200)])
def test_a_slow_body_is_aborted_by_the_server(changed: dict[str, str], status: int) -> None:
    """The control: an nginx that buffers the body waits for all of it."""
    patience = json.dumps({"head": 60, "body": 0.5})
    with running("-m", "tests.server.streaming_app", "patience", patience) as server:
        assert server.stdout is not None
        with nginx(f"127.0.0.1:{int(server.stdout.readline())}", changed=changed) as proxy, connect(proxy) as slow:
            slow.sendall(get("/echo", method="POST", more="Content-Length: 100\r\n"))
            with suppress(ConnectionError):
                for _ in range(100):
                    slow.sendall(b"x")
                    time.sleep(0.02)
            answer = http.client.HTTPResponse(slow)
            answer.begin()
            assert answer.status == status


class TestLimits:
    """`servers` accepts connections and sends nothing."""

    @pytest.fixture
    def servers(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(END_SECONDS)
            yield server

    @contextmanager
    def holding(self, proxy: Nginx, servers: socket.socket) -> Iterator[None]:
        """Keep a page, a stream and a socket open."""
        paths = {"/": "", "/api/events": "", "/ws/chat": "Upgrade: websocket\r\n"}
        with ExitStack() as stack:
            for path, more in paths.items():
                stack.enter_context(connect(proxy)).sendall(get(path, more=more))
                assert stack.enter_context(servers.accept()[0]).recv(4) == b"GET "
            yield

    def test_connections_per_address_are_limited(self, servers: socket.socket) -> None:
        upstream = f"127.0.0.1:{servers.getsockname()[1]}"
        with nginx(upstream, CHAT_ADDRESS_CONNECTIONS="3") as proxy:
            with self.holding(proxy, servers):
                status, headers, body = ask(proxy, get("/api/events"))
                assert (status, headers["Retry-After"]) == (429, "1")
                assert json.loads(body)["error"] == {
                    "code": "rate_limited",
                    "message": "Too many requests from your address. Try again in a moment.",
                    "retryable": True,
                }
                assert HEADERS.items() <= dict(headers).items()
                assert ask(proxy, get("/"))[1].get_content_type() == "text/html"
            assert '"GET /api/events' in logged(proxy, '"GET /api/events')

    def test_without_the_limit_one_more_would_pass(self, servers: socket.socket) -> None:
        upstream = f"127.0.0.1:{servers.getsockname()[1]}"
        with nginx(upstream) as proxy, self.holding(proxy, servers), connect(proxy) as one_more:
            one_more.sendall(get("/api/events"))
            with servers.accept()[0] as accepted:
                assert accepted.recv(4) == b"GET "

    def test_requests_per_address_are_limited(self, nobody: str) -> None:
        with nginx(nobody, changed={**SLOWLY, "burst=300": "burst=5"}) as proxy:
            statuses = [ask(proxy, get(path))[0] for path in ["/", "/api/x", "/c/1"] * 3]
            files = [ask(proxy, get("/static/x"))[0] for _ in range(10)]
        assert statuses == [503] * 6 + [429] * 3
        assert files == [503] * 10

    def test_static_files_are_counted_separately(self, nobody: str) -> None:
        with nginx(nobody, changed={"rate=500r/s": "rate=1r/m", "burst=3000": "burst=2"}) as proxy:
            assert [ask(proxy, get("/static/x"))[0] for _ in range(4)] == [503, 503, 503, 429]

    def test_a_page_with_all_its_files_is_within_the_limit(self, plain: Nginx) -> None:
        """The control, with the deployed limits."""
        assert {ask(plain, get(f"/static/{number}"))[0] for number in range(100)} == {503}

    def test_password_forms_are_counted_separately(self, nobody: str) -> None:
        with nginx(nobody, changed={**SLOWLY, "burst=40": "burst=2"}) as proxy:
            entering = [
                ask(proxy, get(path, method="POST"))[0]
                for path in ("/accounts/login/", "/accounts/password/reset/", "/setup/", "/admin/login/")
            ]
            others = [
                ask(proxy, get(path, method=method))[0]
                for path, method in (("/api/runs", "POST"), ("/accounts/login/", "GET"))
            ]
        assert entering == [503, 503, 503, 429]
        assert others == [503, 503]

    def test_an_ipv6_network_counts_as_one_client(self, nobody: str) -> None:
        changed = {**SLOWLY, "burst=300": "burst=1"}
        with nginx(nobody, CHAT_PROXY="127.0.0.0/8", changed=changed) as proxy:

            def status(address: str) -> int:
                return ask(proxy, get("/", more=f"X-Forwarded-For: {address}\r\n"))[0]

            assert [status(f"2001:db8:1:2:{last}::1") for last in (3, 4, 5)] == [503, 503, 429]
            assert [status(f"2001:db8:7::{last}") for last in (1, 2, 3)] == [503, 503, 429]
            # The control: each IPv4 address counts separately, and so does the next network.
            assert [status(f"203.0.113.{last}") for last in (1, 2, 3)] == [503] * 3
            assert status("2001:db8:1:3:3::1") == 503


LINKS: Final = [
    f"/setup/?token={SECRET}",
    f"/accounts/password/reset/key/1-{SECRET}/",
    f"//accounts//password/reset/key/1-{SECRET}/?x",
    f"/accounts/password/reset/key/1-{SECRET}",
    f"/Accounts/Password/Reset/Key/1-{SECRET}/",
    f"/accounts/password%2Freset%2Fkey/1-{SECRET}/",
    f"/c/1?token={SECRET}",
]


def logged(proxy: Nginx, line: str) -> str:
    """The log, once it has this line, which is written after the response was sent."""
    deadline = time.monotonic() + END_SECONDS
    while line not in proxy.log and time.monotonic() < deadline:
        time.sleep(0.02)
    return proxy.log


class TestLogs:
    def visit(self, proxy: Nginx) -> str:
        for link in LINKS:
            assert ask(proxy, get(link))[0] == 503
            # And a file of that page, with the link as its referrer.
            ask(proxy, get("/static/page.css", more=f"Referer: http://127.0.0.1{link}\r\n"))
        ask(proxy, get("/last"))
        return logged(proxy, '"GET /last ')

    def test_the_access_log_contains_no_secrets_of_urls(self, nobody: str) -> None:
        with nginx(nobody, changed={"error_log stderr warn;": "error_log /dev/null;"}) as proxy:
            log = self.visit(proxy)
        assert SECRET not in log
        for path in ("/setup/", "/accounts/password/reset/key/...", "/c/1"):
            assert f'"GET {path} HTTP/1.1" 503' in log

    def test_the_error_log_contains_errors_but_no_secrets(self, nobody: str) -> None:
        with nginx(nobody) as proxy:
            for link in LINKS[:6]:
                ask(proxy, get(link))
            ask(proxy, get("/c/1"))
            log = proxy.log
        assert SECRET not in log
        assert "connect() failed (111: Connection refused) while connecting to upstream" in log
        assert '"GET /c/1 HTTP/1.1"' in log

    def test_without_its_own_location_the_error_log_has_them(self, nobody: str) -> None:
        with nginx(nobody, changed={"            error_log /dev/null;\n": ""}) as proxy:
            ask(proxy, get(LINKS[0]))
            ask(proxy, get(LINKS[1]))
            assert proxy.log.count(SECRET) >= 2
