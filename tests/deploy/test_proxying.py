"""What nginx passes on to the servers, and to which of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from tests.deploy.backends import Backend, Names, backend, names
from tests.deploy.nginx import Nginx, nginx
from tests.ports import closed_port

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
# From which a server, framework or library takes the address, the origin, the path or the method of a request.
HOSTILE = (
    *("Daphne-Root-Path", "X-Script-Name", "SCRIPT_NAME", "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-URL"),
    *("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "Forwarded"),
    *("X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Port"),
    *("X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "Front-End-Https"),
    *("X-HTTP-Method-Override", "Proxy", "X_Forwarded_For", "REMOTE_ADDR"),
)


@pytest.fixture
async def server() -> AsyncIterator[Backend]:
    async with backend(FIRST, closed_port()) as server:
        yield server


@pytest.fixture
def proxy(server: Backend) -> Iterator[Nginx]:
    with nginx(f"{server.address}:{server.port}") as proxy:
        yield proxy


async def told(proxy: Nginx, http: aiohttp.ClientSession, path: str = "/", **headers: str) -> dict[str, list[str]]:
    """The headers that reach the server."""
    sent = {name.replace("__", "-"): value for name, value in headers.items()}
    async with http.get(f"http://127.0.0.1:{proxy.plain_port}{path}", headers=sent) as response:
        assert response.status == 200
        body = await response.json()
    found: dict[str, list[str]] = {}
    for name, value in body["headers"]:
        found.setdefault(name, []).append(value)
    return found


class TestHeaders:
    async def test_the_client_address_is_the_one_nginx_sees(self, proxy: Nginx, http: aiohttp.ClientSession) -> None:
        headers = await told(
            proxy,
            http,
            X__Forwarded__For="203.0.113.9, 198.51.100.1",
            X__Forwarded__Proto="https",
            X__Forwarded__Host="evil.example",
            Forwarded="for=203.0.113.9;proto=https",
        )
        assert headers["x-forwarded-for"] == ["127.0.0.1"]
        assert headers["x-forwarded-proto"] == ["http"]
        assert "x-forwarded-host" not in headers
        assert "forwarded" not in headers

    @pytest.mark.parametrize("name", [*HOSTILE, *map(str.upper, HOSTILE)])
    async def test_clients_cannot_set_headers_read_by_servers(
        self, proxy: Nginx, http: aiohttp.ClientSession, name: str
    ) -> None:
        async with http.get(proxy.url, headers={name: "http://evil.example/"}) as response:
            assert "evil.example" not in await response.text()

    async def test_other_headers_pass(self, proxy: Nginx, http: aiohttp.ClientSession) -> None:
        """The control."""
        assert (await told(proxy, http, X__User__Id="1"))["x-user-id"] == ["1"]

    async def test_a_header_with_underscores_is_not_confused_with_another(
        self, proxy: Nginx, http: aiohttp.ClientSession
    ) -> None:
        headers = await told(proxy, http, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https", X__Other="kept")
        assert headers["x-forwarded-for"] == ["127.0.0.1"]
        assert headers["x-other"] == ["kept"]
        assert not [name for name in headers if "_" in name]

    async def test_the_host_keeps_its_port(self, proxy: Nginx, http: aiohttp.ClientSession) -> None:
        assert (await told(proxy, http))["host"] == [proxy.host]
        assert (await told(proxy, http, Host="chat.example.org:8443"))["host"] == ["chat.example.org:8443"]

    @pytest.mark.parametrize(
        ("path", "asked", "passed"),
        [
            ("/ws/chat", "websocket", "websocket"),
            ("/ws/chat", "WebSocket", "websocket"),
            ("/ws/chat", "h2c", None),
            ("/api/events", "websocket", None),
            ("/", "h2c", None),
        ],
    )
    async def test_nothing_is_upgraded_but_the_socket(
        self, proxy: Nginx, http: aiohttp.ClientSession, path: str, asked: str, passed: str | None
    ) -> None:
        headers = await told(proxy, http, path, Connection="Upgrade", Upgrade=asked)
        assert headers.get("upgrade") == ([passed] if passed else None)
        assert headers.get("connection") == (["upgrade"] if passed else None)

    async def test_only_the_last_entry_of_a_trusted_proxy_is_used(
        self, server: Backend, http: aiohttp.ClientSession
    ) -> None:
        with nginx(f"{server.address}:{server.port}", CHAT_PROXY="127.0.0.0/8", CHAT_HTTPS="on") as proxy:
            headers = await told(proxy, http, X__Forwarded__For="203.0.113.9, 198.51.100.1")
        assert headers["x-forwarded-for"] == ["198.51.100.1"]
        assert headers["x-forwarded-proto"] == ["https"]


class TestServers:
    """Two servers with one name, as with `--scale`."""

    @pytest.fixture
    async def port(self) -> int:
        return closed_port()

    @pytest.fixture
    async def known(self) -> AsyncIterator[tuple[Names, int]]:
        async with names() as known:
            yield known

    @pytest.fixture
    def proxy(self, known: tuple[Names, int], port: int) -> Iterator[Nginx]:
        # The tests poll until nginx has noticed a change, which must not count as a flood.
        resolver = f"127.0.0.1:{known[1]}"
        with nginx(f"web:{port}", CHAT_RESOLVER=resolver, CHAT_ADDRESS_REQUESTS="10000") as proxy:
            yield proxy

    async def who(self, proxy: Nginx, http: aiohttp.ClientSession, path: str = "/", method: str = "GET") -> Any:
        """The server that answers, or the status."""
        async with http.request(method, proxy.url + path) as response:
            return (await response.json(content_type=None))["server"] if response.status == 200 else response.status

    async def until_all_answer(self, proxy: Nginx, http: aiohttp.ClientSession, *servers: str) -> None:
        async with asyncio.timeout(60):
            while {await self.who(proxy, http) for _ in range(20)} != set(servers):
                """nginx resolves the name again after two seconds."""

    async def test_servers_can_be_added_and_removed_without_restarting_nginx(
        self, proxy: Nginx, known: tuple[Names, int], port: int, http: aiohttp.ClientSession
    ) -> None:
        known[0].addresses = [FIRST]
        async with backend(FIRST, port):
            await self.until_all_answer(proxy, http, FIRST)
            async with backend(SECOND, port):
                known[0].addresses = [FIRST, SECOND]
                await self.until_all_answer(proxy, http, FIRST, SECOND)
                known[0].addresses = [SECOND]
                await self.until_all_answer(proxy, http, SECOND)

    async def test_clients_do_not_notice_a_stopped_server(
        self, proxy: Nginx, known: tuple[Names, int], port: int, http: aiohttp.ClientSession
    ) -> None:
        """The DNS still has its address. A POST that was not sent yet may go to the other server, too."""
        known[0].addresses = [FIRST, SECOND]
        async with backend(SECOND, port):
            assert {await self.who(proxy, http, method=method) for method in ["GET", "POST"] * 10} == {SECOND}

    async def test_a_post_is_not_sent_twice(
        self, proxy: Nginx, known: tuple[Names, int], port: int, http: aiohttp.ClientSession
    ) -> None:
        known[0].addresses = [FIRST, SECOND]
        async with backend(FIRST, port) as first, backend(SECOND, port) as second:
            assert await self.who(proxy, http, "/drop", "POST") == 503
            assert len(first.asked + second.asked) == 1
            # The control: a GET is sent again.
            assert await self.who(proxy, http, "/drop", "GET") == 503
            assert first.asked[-1:] == second.asked[-1:] == ["GET /drop"]

    async def test_a_static_file_of_another_version_is_found(
        self, proxy: Nginx, known: tuple[Names, int], port: int, http: aiohttp.ClientSession
    ) -> None:
        known[0].addresses = [FIRST, SECOND]
        async with backend(FIRST, port), backend(SECOND, port):
            for _ in range(10):
                assert await self.who(proxy, http, f"/static/not-on-{FIRST}") == SECOND
                assert await self.who(proxy, http, f"/static/not-on-{SECOND}") == FIRST


class TestStaticFiles:
    async def test_a_hashed_file_is_requested_once_and_stays_cached(
        self, server: Backend, proxy: Nginx, http: aiohttp.ClientSession
    ) -> None:
        for query in ("", "?v=1", "?v=2"):
            async with http.get(f"{proxy.url}/static/chat.hash.js{query}") as response:
                assert response.status == 200
                assert "immutable" in response.headers["Cache-Control"]
        assert server.asked == ["GET /static/chat.hash.js"]
        await server.stop()
        async with http.get(f"{proxy.url}/static/chat.hash.js") as response:
            assert response.status == 200

    async def test_an_unhashed_file_is_requested_each_time(
        self, server: Backend, proxy: Nginx, http: aiohttp.ClientSession
    ) -> None:
        for _ in range(3):
            async with http.get(f"{proxy.url}/static/chat.js") as response:
                assert response.status == 200
        assert len(server.asked) == 3


class TestAway:
    """No server answers."""

    @pytest.fixture
    def proxy(self) -> Iterator[Nginx]:
        with nginx(f"127.0.0.1:{closed_port()}") as proxy:
            yield proxy

    @pytest.mark.parametrize("path", ["/api/conversations", "/api/runs/stream", "/api/events"])
    async def test_the_api_responds_with_json(self, proxy: Nginx, http: aiohttp.ClientSession, path: str) -> None:
        async with http.post(proxy.url + path, json={"text": "hi"}) as response:
            assert (response.status, response.content_type) == (503, "application/json")
            assert response.headers["Retry-After"] == "2"
            error = (await response.json())["error"]
        assert (error["code"], error["retryable"]) == ("unavailable", True)

    async def test_a_page_refreshes_automatically(self, proxy: Nginx, http: aiohttp.ClientSession) -> None:
        async with http.get(f"{proxy.url}/") as response:
            assert (response.status, response.content_type) == (503, "text/html")
            assert 'http-equiv="refresh"' in await response.text()

    async def test_the_access_log_has_the_path_and_not_the_token(
        self, proxy: Nginx, http: aiohttp.ClientSession
    ) -> None:
        async with http.get(f"{proxy.url}/setup/?token=secret"):
            pass
        (line,) = await written(proxy)
        assert '"GET /setup/ HTTP/1.1" 503' in line


async def written(proxy: Nginx) -> list[str]:
    """The lines about /setup/ in the access log, which are written after the response was sent."""
    async with asyncio.timeout(60):
        while True:
            lines = [line for line in proxy.log.splitlines() if line.startswith("127.0.0.1 ") and "/setup/" in line]
            if lines:
                return lines
            await asyncio.sleep(0.02)
