"""HTTPS, with nginx-tls.conf."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.deploy.nginx import Nginx, nginx
from tests.fake_openai.certificate import self_signed
from tests.faults.processes import Site, Upstream
from tests.members import prepare


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, deployed: dict[str, str], upstream: Upstream) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("data")
    settings = {**deployed, "CHAT_HTTPS": "1", "OPENAI_BASE_URL": upstream.base_url}
    site = Site(data_dir, prepare(data_dir), **settings)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def proxy(site: Site, certificate: Path) -> Iterator[Nginx]:
    with nginx(site.host, certificate=certificate) as proxy:
        yield proxy


@pytest.fixture
async def https(trust: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as https:
        yield https


def signed_in(site: Site) -> dict[str, str]:
    return {"Cookie": f"__Host-sessionid={site.cast['alice'].session}"}


def test_nginx_accepts_the_configuration(proxy: Nginx) -> None:
    assert "warn" not in proxy.check()


async def test_a_page_has_the_hsts_header(proxy: Nginx, https: aiohttp.ClientSession) -> None:
    async with https.get(f"{proxy.url}/accounts/login/") as response:
        assert response.status == 200
        assert "max-age=31536000" in response.headers["Strict-Transport-Security"]
        token = response.cookies["__Host-csrftoken"]
        assert (token["secure"], token["path"], token["domain"]) == (True, "/", "")


async def test_a_form_from_this_origin_is_accepted(proxy: Nginx, site: Site, https: aiohttp.ClientSession) -> None:
    token = "a" * 32
    cookie = f"{signed_in(site)['Cookie']}; __Host-csrftoken={token}"
    for origin, status in ((proxy.url, 201), (proxy.url.replace("https", "http"), 403)):
        headers = {"Cookie": cookie, "X-CSRFToken": token, "Origin": origin, "Referer": f"{origin}/"}
        async with https.post(f"{proxy.url}/api/runs", json={"text": "/hello"}, headers=headers) as response:
            assert response.status == status


async def test_the_socket_opens_for_a_page_of_this_address(proxy: Nginx, site: Site, trust: ssl.SSLContext) -> None:
    async with connect(
        f"wss://{proxy.host}/ws/chat",
        additional_headers={**signed_in(site), "Origin": proxy.url},
        subprotocols=["chat.v1"],  # type: ignore[list-item]
        ssl=trust,
        proxy=None,
    ) as socket:
        assert json.loads(await socket.recv())["type"] == "hello"


async def test_a_cookie_settable_by_another_host_does_not_sign_in(
    proxy: Nginx, site: Site, https: aiohttp.ClientSession
) -> None:
    """Without the prefix, any other subdomain can set the cookie, and so can any page over plain HTTP."""
    for headers, status in ((site.cast["alice"].cookie, 401), (signed_in(site), 200)):
        async with https.get(f"{proxy.url}/api/conversations", headers=headers) as response:
            assert response.status == status


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example", "127.0.0.1@evil.example"])
async def test_plain_http_is_redirected_to_the_site(proxy: Nginx, http: aiohttp.ClientSession, host: str) -> None:
    url = f"http://127.0.0.1:{proxy.plain_port}/c/1?x=y"
    async with http.get(url, headers={"Host": host}, allow_redirects=False) as response:
        assert "evil.example" not in response.headers.get("Location", "")
        if response.status != 400:
            assert (response.status, response.headers["Location"]) == (301, f"{proxy.url}/c/1?x=y")


async def test_the_request_host_would_redirect_elsewhere(
    site: Site, certificate: Path, http: aiohttp.ClientSession
) -> None:
    """The control."""
    with nginx(site.host, certificate=certificate, changed={"return 301 $site": "return 301 https://$host"}) as proxy:
        url = f"http://127.0.0.1:{proxy.plain_port}/"
        async with http.get(url, headers={"Host": "evil.example"}, allow_redirects=False) as response:
            assert response.headers["Location"] == "https://evil.example/"


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://127.0.0.1", "https://127.0.0.1/below/"])
async def test_the_redirect_goes_to_the_sites_origin(
    site: Site, certificate: Path, http: aiohttp.ClientSession, url: str
) -> None:
    with nginx(site.host, certificate=certificate, CHAT_URL=url) as proxy:
        async with http.get(f"http://127.0.0.1:{proxy.plain_port}/c/1", allow_redirects=False) as response:
            assert response.headers["Location"] == "https://127.0.0.1/c/1"


async def test_old_tls_is_refused(proxy: Nginx, certificate: Path, http: aiohttp.ClientSession) -> None:
    old = ssl.create_default_context(cafile=str(certificate))
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSVersion.TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(aiohttp.ClientConnectorSSLError):
        await http.get(proxy.url, ssl=old)
