"""A client's headers decide nothing in the scope, under each server, over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect

from chatsite.trusted_scope import TrustedScope, address_of, probe_host
from tests.fake_openai.server import closed_port
from tests.security.header_names import hostile_names
from tests.server.process import lines_until, running
from tests.server.scope_app import HEALTHY, METRICS_TOKEN

APPLICATION: Final = "tests.server.scope_app:application"
COMMANDS: Final = {
    "serve": ("-m", "tests.server.scope_app"),
    "daphne": ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}", APPLICATION),
    "uvicorn": ("-m", "uvicorn", "--log-level", "warning", "--host", "127.0.0.1", "--port", "{port}", APPLICATION),
}
NAMES: Final = hostile_names()
HOSTILE: Final = ("/evil", "http://evil.example/x", "203.0.113.9", "https", "203.0.113.9, 198.51.100.7")
START_SECONDS: Final = 60.0
PEER: Final = "127.0.0.1"


class Echo:
    """A server that responds with the scope of the request."""

    def __init__(self, port: int) -> None:
        self.port = port

    def over_http(self, path: str = "/page", **headers: str) -> dict[str, Any]:
        return self.over_http_with(list(headers.items()), path)

    def over_http_with(self, headers: list[tuple[str, str]], path: str = "/page", host: str = "") -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest("GET", path, skip_host=bool(host))
        if host:
            connection.putheader("Host", host)
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == 200, body
        seen: dict[str, Any] = json.loads(body)
        return seen

    async def over_websocket(self, headers: list[tuple[str, str]]) -> dict[str, Any]:
        async with connect(f"ws://127.0.0.1:{self.port}/page", additional_headers=headers, proxy=None) as opened:
            seen: dict[str, Any] = json.loads(await opened.recv())
            return seen


@contextmanager
def echo(server: str, **variables: str) -> Iterator[Echo]:
    port = closed_port()
    command = [part.format(port=port) for part in COMMANDS[server]]
    variables = {"DJANGO_SETTINGS_MODULE": "chatsite.settings", **variables}
    with running(*command, **variables) as process:
        if server == "serve":
            port = int(lines_until(process, "\n")[0])
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield Echo(port)


@pytest.fixture(scope="module", params=list(COMMANDS))
def server(request: pytest.FixtureRequest) -> Iterator[Echo]:
    with echo(request.param) as found:
        yield found


def test_the_relevant_header_names_are_found() -> None:
    assert {"daphne-root-path", "x-forwarded-for", "x-forwarded-proto", "referer", "x-requested-with"} <= set(NAMES)


def test_no_client_header_affects_the_scope(server: Echo) -> None:
    for name in NAMES:
        for value in HOSTILE:
            seen = server.over_http_with([(name, value)])
            assert (seen["root_path"], seen["scheme"], seen["path"]) == ("", "http", "/page"), (name, value)
            assert seen["client"][0] == PEER, (name, value)


async def test_no_client_header_affects_the_scope_of_a_websocket(server: Echo) -> None:
    # An invalid origin is refused before the application is called.
    for name in set(NAMES) - {"origin"}:
        seen = await server.over_websocket([(name, "203.0.113.9")])
        assert (seen["root_path"], seen["scheme"], seen["path"]) == ("", "ws", "/page"), name
        assert seen["client"][0] == PEER, name
    sent = [(name, value) for name in ("Daphne-Root-Path", "X-Forwarded-Proto") for value in HOSTILE]
    assert (await server.over_websocket(sent))["root_path"] == ""


def test_proxy_headers_do_not_reach_the_application(server: Echo) -> None:
    names = ["X-Forwarded-Host", "X-Forwarded-Anything", "Forwarded", "X_Forwarded_For", "x_csrftoken", "X-Real-Ip"]
    seen = server.over_http_with([(name, "203.0.113.9") for name in names])
    assert seen["headers"] == ["accept-encoding", "host"]


def test_a_non_ascii_root_path_causes_no_error(server: Echo) -> None:
    assert server.over_http(**{"Daphne-Root-Path": "/\xe9vil%ff"})["root_path"] == ""


def test_a_non_ascii_subprotocol_causes_no_error(server: Echo) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(
            b"GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            b"Sec-WebSocket-Protocol: \xff\r\n\r\n"
        )
        status = connection.recv(64).split()[1]
    assert status in (b"101", b"400")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered_under_any_host(server: Echo, path: str) -> None:
    assert server.over_http_with([("Accept", "*/*")], path)["host"] == [HEALTHY]


def test_metrics_are_answered_for_an_address_or_with_the_token(server: Echo) -> None:
    """Any other host is left unchanged, and Django refuses it: otherwise a page under another name could read them."""
    right, wrong = ([("Authorization", f"Bearer {token}")] for token in (METRICS_TOKEN, METRICS_TOKEN + "x"))
    assert server.over_http_with([], "/metrics")["host"] == [HEALTHY]
    assert server.over_http_with(right, "/metrics", host="web:8000")["host"] == [HEALTHY]
    assert server.over_http_with(wrong, "/metrics", host="evil.example")["host"] == ["evil.example"]
    assert server.over_http_with([], "/metrics", host="evil.example")["host"] == ["evil.example"]
    assert server.over_http_with([], "/page")["host"] == [f"127.0.0.1:{server.port}"]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_behind_https_every_request_is_https(name: str) -> None:
    with echo(name, SCOPE_HTTPS="1") as server:
        assert server.over_http(**{"X-Forwarded-Proto": "http"})["scheme"] == "https"
        assert asyncio.run(server.over_websocket([("X-Forwarded-Proto", "ws")]))["scheme"] == "wss"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_behind_two_proxies_the_outer_one_names_the_client(name: str) -> None:
    with echo(name, SCOPE_PROXIES="2") as server:
        sent = [("X-Forwarded-For", "10.0.0.1, 203.0.113.9"), ("X-Forwarded-For", "198.51.100.7")]
        assert server.over_http_with(sent)["client"] == ["203.0.113.9", 0]
        assert server.over_http()["client"][0] == PEER


@pytest.mark.parametrize(
    ("name", "header", "part"),
    [
        ("daphne", "Daphne-Root-Path", "root_path"),
        ("serve", "Daphne-Root-Path", "root_path"),
        ("uvicorn", "X-Forwarded-Proto", "scheme"),
        ("uvicorn", "X-Forwarded-For", "client"),
    ],
)
def test_without_trusted_scope_they_do(name: str, header: str, part: str) -> None:
    """The control: what the servers by themselves do with these headers."""
    value = {"root_path": "/evil", "scheme": "https", "client": "203.0.113.9"}[part]
    with echo(name, SCOPE_CONTROL="1") as server:
        seen = server.over_http(**{header: value})[part]
        assert (seen[0] if part == "client" else seen) == value


class TestTheClient:
    @pytest.mark.parametrize(
        ("proxies", "sent", "client"),
        [
            (0, b"203.0.113.9", "192.0.2.1"),
            (1, b"203.0.113.9", "203.0.113.9"),
            (1, b"10.0.0.1, 203.0.113.9", "203.0.113.9"),
            (1, b"203.0.113.9:4711", "203.0.113.9"),
            (1, b"[2001:db8::1]:4711", "2001:db8::1"),
            (1, b"2001:db8::1", "2001:db8::1"),
            (2, b"10.0.0.1, 203.0.113.9, 198.51.100.7", "203.0.113.9"),
            (3, b"203.0.113.9", "203.0.113.9"),
            (1, b"", "192.0.2.1"),
            (1, b"unknown", "192.0.2.1"),
            (1, b"203.0.113.9, \xff\x00", "192.0.2.1"),
            (1, b", ,", "192.0.2.1"),
        ],
    )
    async def test_the_client_is_the_one_named_by_the_outermost_proxy(
        self, proxies: int, sent: bytes, client: str
    ) -> None:
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["client"][0])

        scope = {
            **{"type": "http", "path": "/", "root_path": "", "scheme": "http", "client": ("192.0.2.1", 1)},
            "headers": [(b"x-forwarded-for", sent)],
        }
        await TrustedScope(app, https=False, proxies=proxies, probe_host="x")(scope, None, None)
        assert seen == [client]

    @pytest.mark.parametrize("entry", ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "evil.example:1", "999.1.1.1"])
    def test_an_invalid_address_is_none(self, entry: str) -> None:
        assert address_of(entry) is None


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (["chat.example.org", "b"], "chat.example.org"),
        ([".example.org"], "example.org"),
        (["*"], "localhost"),
        ([], "localhost"),
    ],
)
def test_probes_use_the_first_host_of_the_site(allowed: list[str], host: str) -> None:
    assert probe_host(allowed) == host


class TestUnknownProxy:
    """What is logged about a proxy that no setting counts."""

    @staticmethod
    async def ask(wrapper: TrustedScope, *names: bytes) -> None:
        scope = {"type": "http", "path": "/", "headers": [(name, b"203.0.113.9") for name in names]}
        await wrapper({**scope, "client": ("127.0.0.1", 1)}, None, None)

    @staticmethod
    def wrapper(proxies: int) -> TrustedScope:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            """Do nothing."""

        return TrustedScope(application, https=False, proxies=proxies, probe_host="x")

    async def test_an_unknown_proxy_is_logged_once_with_the_setting(self, caplog: pytest.LogCaptureFixture) -> None:
        wrapper = self.wrapper(0)
        for _ in range(3):
            await self.ask(wrapper, b"x-forwarded-for")
        (message,) = caplog.messages
        assert "X-Forwarded-For" in message
        assert "CHAT_TRUSTED_PROXIES" in message
        assert "127.0.0.1" in message

    async def test_other_headers_do_not_indicate_a_proxy(self, caplog: pytest.LogCaptureFixture) -> None:
        await self.ask(self.wrapper(0), b"x-forwarded-proto")
        await self.ask(self.wrapper(1), b"x-forwarded-for")
        assert caplog.messages == []
