"""The chat through nginx: sockets, streams, origins, limits and static files."""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.deploy.nginx import Nginx, nginx
from tests.faults.client import Browser, numbered, open_socket, socket
from tests.faults.processes import Site, Upstream
from tests.faults.reading import Reading
from tests.members import Member, prepare

TOKEN: Final = len(numbered("", 1))
TOO_BIG: Final = 3 * 1024 * 1024
# Django's CSRF token needs no session: the cookie and the header only have to be the same.
CSRF: Final = "a" * 32


@pytest.fixture
def browser(proxy: Nginx, alice: Member, http: aiohttp.ClientSession) -> Browser:
    return Browser(proxy, alice, http)  # type: ignore[arg-type]


class TestSocket:
    async def test_a_turn_over_the_socket(self, proxy: Nginx, alice: Member, upstream: Upstream) -> None:
        async with socket(proxy, alice, cookie=True) as connection:  # type: ignore[arg-type]
            reading = await connection.run("/hold after=3 count=6 socket")
            # nginx does not hold it back until more comes.
            await reading.has(3 * TOKEN)
            assert reading.size == 3 * TOKEN
            upstream.release()
            await reading.ended()
        assert reading.text == numbered("/hold after=3 count=6 socket", 6)

    @pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1", "{behind}"])
    async def test_a_page_of_another_origin_is_refused(
        self, proxy: Nginx, site: Site, alice: Member, origin: str
    ) -> None:
        class Foreign:
            port = proxy.port
            url = origin.format(behind=site.url)

        with pytest.raises(InvalidStatus) as refused:
            await open_socket(Foreign, alice, cookie=True)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


class TestStreams:
    async def test_the_first_token_comes_before_the_last_is_written(
        self, proxy: Nginx, alice: Member, browser: Browser, upstream: Upstream, http: aiohttp.ClientSession
    ) -> None:
        """Over each of the three streams: POST, GET, and all runs on one."""
        body = {"text": "/hold after=3 count=6 stream"}
        async with (
            http.post(f"{proxy.url}/api/runs/stream", json=body, headers=alice.bearer) as posted,
            events(http, proxy, "/api/events", alice) as everything,
        ):
            text = await first_token(posted)
            run_id = re.findall(r'"run_id":\s*"([^"]+)"', text)[0]
            assert run_id in await first_token(everything)
            async with events(http, proxy, f"/api/runs/{run_id}/events", alice) as followed:
                await first_token(followed)
            upstream.release()
            rest = (await posted.content.read()).decode()
        assert "event: done" in rest
        reading = Reading(run_id)
        assert await browser.follow(reading) == 200
        assert reading.text == numbered("/hold after=3 count=6 stream", 6)

    async def test_wait_returns_the_answer(self, browser: Browser) -> None:
        status, message = await browser.call("POST", "/api/runs/wait", {"text": "/numbered count=5 wait"})
        assert (status, message["text"]) == (200, numbered("/numbered count=5 wait", 5))


@asynccontextmanager
async def events(
    http: aiohttp.ClientSession, proxy: Nginx, path: str, member: Member
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with http.get(f"{proxy.url}{path}", headers=member.bearer) as response:
        assert response.status == 200
        yield response


async def first_token(response: aiohttp.ClientResponse) -> str:
    text = ""
    async for chunk in response.content.iter_any():
        text += chunk.decode()
        if "event: token" in text:
            return text
    raise AssertionError(f"no token in {text}")


class TestForms:
    """Django compares the origin of a form with the address that nginx reports."""

    async def post(self, http: aiohttp.ClientSession, proxy: Nginx, alice: Member, origin: str) -> int:
        headers = {"Cookie": f"{alice.cookie['Cookie']}; csrftoken={CSRF}", "X-CSRFToken": CSRF, "Origin": origin}
        async with http.post(f"{proxy.url}/api/runs", json={"text": "/hello form"}, headers=headers) as response:
            return response.status

    async def test_a_form_from_this_origin_is_accepted(
        self, http: aiohttp.ClientSession, proxy: Nginx, alice: Member
    ) -> None:
        assert await self.post(http, proxy, alice, proxy.url) == 201

    async def test_a_form_from_another_origin_is_refused(
        self, http: aiohttp.ClientSession, proxy: Nginx, site: Site, alice: Member
    ) -> None:
        for origin in (site.url, "http://127.0.0.1", "https://evil.example", proxy.url.replace("http", "https")):
            assert await self.post(http, proxy, alice, origin) == 403


class TestLimits:
    async def test_an_oversized_body_is_refused_in_json(
        self, proxy: Nginx, alice: Member, http: aiohttp.ClientSession
    ) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(TOO_BIG // 65536):
                yield b"x" * 65536

        for body in (io.BytesIO(b"x" * TOO_BIG), chunks()):
            async with http.post(f"{proxy.url}/api/runs", data=body, headers=alice.bearer) as response:
                assert (response.status, response.content_type) == (413, "application/json")
                error = (await response.json())["error"]
            assert (error["code"], error["retryable"]) == ("body_too_big", False)

    def test_the_upload_is_not_read_first(self, proxy: Nginx, site: Site) -> None:
        """Its Content-Length is enough to refuse it."""
        connection = http.client.HTTPConnection(proxy.host, timeout=30)
        connection.putrequest("POST", "/api/runs")
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, json.load(response)["error"]["code"]) == (413, "body_too_big")
        connection.close()

    async def test_the_longest_message_passes(self, proxy: Nginx, alice: Member, http: aiohttp.ClientSession) -> None:
        """Each of its characters is encoded as twelve bytes."""
        body = json.dumps({"text": "/hello " + "\N{GRINNING FACE}" * 99_000}).encode()
        headers = {**alice.bearer, "Content-Type": "application/json"}
        async with http.post(f"{proxy.url}/api/runs", data=io.BytesIO(body), headers=headers) as response:
            assert response.status == 201


class TestPages:
    async def test_nothing_names_a_version(self, proxy: Nginx, http: aiohttp.ClientSession) -> None:
        for path in ("/", "/healthz", "/static/missing.js", "/api/conversations", "/.nginx"):
            async with http.get(proxy.url + path) as response:
                assert response.headers["Server"] == "nginx"
                assert not re.search(r"daphne|twisted|autobahn|python|nginx/", str(response.headers), re.IGNORECASE)

    async def test_only_static_files_are_compressed(
        self, proxy: Nginx, alice: Member, http: aiohttp.ClientSession
    ) -> None:
        """The length of a compressed page would leak a secret in it, if the page also contains an attacker's text."""
        accept = {"Accept-Encoding": "gzip, br"}
        async with http.get(f"{proxy.url}/", headers={**alice.cookie, **accept}) as response:
            assert "Content-Encoding" not in response.headers
            page = await response.text()
        async with http.get(proxy.url + stylesheet(page), headers=accept) as response:
            assert response.headers["Content-Encoding"] in {"gzip", "br"}
            assert "Accept-Encoding" in response.headers["Vary"]


def stylesheet(page: str) -> str:
    return re.findall(r'href="(/static/[^"]+\.css)"', page)[0]


class TestStaticFiles:
    async def test_a_hashed_file_can_be_cached_forever(
        self, proxy: Nginx, alice: Member, http: aiohttp.ClientSession
    ) -> None:
        async with http.get(f"{proxy.url}/", headers=alice.cookie) as response:
            path = stylesheet(await response.text())
        async with http.get(proxy.url + path) as response:
            assert response.status == 200
            assert {"public", "immutable"} < set(response.headers["Cache-Control"].split(", "))
            etag = response.headers["ETag"]
        async with http.get(proxy.url + path, headers={"If-None-Match": etag}) as response:
            assert response.status == 304

    async def test_an_unhashed_file_is_revalidated(self, proxy: Nginx, http: aiohttp.ClientSession) -> None:
        async with http.get(f"{proxy.url}/static/css/base.css") as response:
            assert response.status == 200
            assert response.headers["Cache-Control"] == "max-age=0, public"


class TestBelowAPath:
    """CHAT_URL may have a path, and the proxy in front of nginx keeps it."""

    @pytest.fixture
    def below(self, tmp_path: Path, deployed: dict[str, str], upstream: Upstream) -> Iterator[Site]:
        settings = {**deployed, "OPENAI_BASE_URL": upstream.base_url, "CHAT_URL": "http://127.0.0.1/ai"}
        site = Site(tmp_path, prepare(tmp_path), **settings)
        try:
            site.start()
            yield site
        finally:
            site.stop()

    async def test_sockets_and_posts_work_under_a_path(self, below: Site, http: aiohttp.ClientSession) -> None:
        alice = below.cast["alice"]
        with nginx(below.host) as server:
            async with connect(
                f"ws://{server.host}/ai/ws/chat", additional_headers=alice.bearer, subprotocols=["chat.v1"], proxy=None
            ) as opened:
                assert json.loads(await opened.recv())["type"] == "hello"
            body = {"text": "Hi"}
            async with http.post(f"{server.url}/ai/api/runs/stream", json=body, headers=alice.bearer) as response:
                assert response.status == 200
                assert "event: done" in await response.text()
            for path, status in (("/ai/metrics", 404), ("/metrics", 404), ("/ai/accounts/login/", 200)):
                async with http.get(f"{server.url}{path}") as response:
                    assert (path, response.status) == (path, status)
