from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from chat.pages.networks import is_within
from chatsite.asgi import application
from chatsite.trusted_scope import TrustedScope, probe_host
from tests.settings_read import setting

TOKEN = "0123456789abcdef"


@pytest.fixture
def client() -> Client:
    return Client(REMOTE_ADDR="203.0.113.9")


def test_metrics_are_for_localhost(client: Client) -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        response = client.get("/metrics", REMOTE_ADDR=address)
        assert response.status_code == 200
        assert b"chat_runs" in response.content


def test_other_clients_get_404(client: Client) -> None:
    nowhere = client.get("/nowhere")
    for address in (
        "203.0.113.9",
        "10.0.0.5",
        "::ffff:10.0.0.5",
        "2001:db8::1",
        "",
        "unix:",
        "127.0.0.1.evil.example",
    ):
        response = client.get("/metrics", REMOTE_ADDR=address)
        assert (response.status_code, response.content) == (404, nowhere.content)


async def status_of(
    peer: str, *headers: tuple[bytes, bytes], proxies: int = 0, host: bytes = b"10.0.0.7:8000", token: str = ""
) -> int:
    """The status of a request that is passed on as a server does."""
    # The real application, in a wrapper with its own number of proxies.
    served = TrustedScope(
        application._app,
        https=False,
        proxies=proxies,
        probe_host=probe_host(settings.ALLOWED_HOSTS),
        metrics_token=token,
    )
    scope = {
        **{"type": "http", "http_version": "1.1", "method": "GET", "path": "/metrics", "raw_path": b"/metrics"},
        **{"query_string": b"", "root_path": "", "scheme": "http", "client": (peer, 1), "server": ("127.0.0.1", 80)},
        "headers": [*([(b"host", host)] if host else []), *headers],
    }
    exchange = ApplicationCommunicator(served, scope)
    await exchange.send_input({"type": "http.request", "body": b"", "more_body": False})
    status: int = (await exchange.receive_output(timeout=60))["status"]
    await exchange.send_input({"type": "http.disconnect"})
    await exchange.wait()
    return status


@pytest.mark.parametrize("name", [b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via", b"x-forwarded-proto"])
async def test_a_local_proxy_does_not_count_as_localhost(name: bytes, transactional_db: None) -> None:
    """The settings do not mention this proxy, so all its clients seem to have its address."""
    assert await status_of("127.0.0.1") == 200
    assert await status_of("127.0.0.1", (name, b"127.0.0.1")) == 404


async def test_behind_a_known_proxy_the_client_decides(transactional_db: None) -> None:
    for client, status in ((b"127.0.0.1", 200), (b"203.0.113.9", 404), (b"127.0.0.1, 203.0.113.9", 404)):
        assert await status_of("127.0.0.1", (b"x-forwarded-for", client), proxies=1) == status


HOSTS_OF_SCRAPERS = [b"127.0.0.1:8000", b"127.0.0.1", b"[::1]:8000", b"10.0.0.7:8000", b"localhost:8000", b"LOCALHOST"]
# Host names of a page whose name leads to this machine (DNS rebinding), and values that no client sends.
HOSTS_OF_OTHERS = [
    *(b"evil.example", b"evil.example:8000", b"127.0.0.1.evil.example", b"localhost.evil.example", b"web:8000"),
    *(
        b"127.0.0.1@evil.example",
        b"127.0.0.1:8000, evil.example",
        b"[::1",
        b"\xff",
        b"127.0.0.1/",
        b"0x7f.1",
        b"127.1",
    ),
]


@pytest.mark.parametrize("host", HOSTS_OF_SCRAPERS)
@pytest.mark.parametrize("allowed", [["localhost"], ["chat.example.org"], ["*"]])
async def test_a_scraper_sends_the_address_as_host(
    settings: Settings, transactional_db: None, host: bytes, allowed: list[str]
) -> None:
    settings.ALLOWED_HOSTS = allowed
    assert await status_of("127.0.0.1", host=host) == 200


@pytest.mark.parametrize("host", HOSTS_OF_OTHERS)
@pytest.mark.parametrize("allowed", [["localhost"], ["*"]])
async def test_another_host_name_is_refused(
    settings: Settings, transactional_db: None, host: bytes, allowed: list[str]
) -> None:
    """Even if the browser is on this machine and sends whatever the page wants."""
    settings.ALLOWED_HOSTS = allowed
    for token in ((), ((b"authorization", b"Bearer guessed-by-the-page"),)):
        assert await status_of("127.0.0.1", *token, host=host, token=TOKEN) in (400, 404)


async def test_two_host_headers_are_refused(transactional_db: None) -> None:
    assert await status_of("127.0.0.1", (b"host", b"evil.example")) in (400, 404)
    assert await status_of("127.0.0.1", (b"host", b"127.0.0.1"), host=b"evil.example") in (400, 404)


async def test_the_sites_own_host_is_accepted(settings: Settings, transactional_db: None) -> None:
    settings.ALLOWED_HOSTS = ["localhost", ".example.org"]
    assert await status_of("127.0.0.1", host=b"chat.example.org") == 200


async def test_the_token_works_under_any_host(settings: Settings, transactional_db: None) -> None:
    settings.CHAT_METRICS_TOKEN = TOKEN
    right, wrong = ((b"authorization", f"Bearer {token}".encode()) for token in (TOKEN, TOKEN + "0"))
    for host in (b"web:8000", b"chat.example.org", b""):
        assert await status_of("203.0.113.9", right, host=host, token=TOKEN) == 200, host
        assert await status_of("203.0.113.9", wrong, host=host, token=TOKEN) in (400, 404), host


@pytest.mark.parametrize(
    ("variables", "allowed"),
    [
        ({}, True),
        ({"HOST": "0.0.0.0"}, True),
        # A server on its own, without a proxy.
        ({"HOST": "0.0.0.0", "ALLOWED_HOSTS": "chat.example.org"}, True),
        # In Compose.
        ({"HOST": "0.0.0.0", "ALLOWED_HOSTS": "chat.example.org", "CHAT_TRUSTED_PROXIES": "1"}, True),
        ({"ALLOWED_HOSTS": "chat.example.org", "CHAT_TRUSTED_PROXIES": "1"}, True),
        # Only a proxy on this machine that no setting counts can forward requests to that name, or over HTTPS.
        ({"ALLOWED_HOSTS": "chat.example.org"}, False),
        ({"CHAT_URL": "http://chat.example.org"}, False),
        ({"TRUSTED_ORIGINS": "https://chat.example.org"}, False),
        ({"CHAT_HTTPS": "1"}, False),
        ({"HOST": "0.0.0.0", "CHAT_HTTPS": "1"}, False),
        ({"CHAT_BIND": "0.0.0.0"}, False),
        ({"CHAT_HTTPS": "1", "CHAT_METRICS_ALLOW": "127.0.0.1"}, True),
    ],
)
def test_behind_an_untrusted_proxy_no_address_is_localhost(
    tmp_path: Path, variables: dict[str, str], allowed: bool
) -> None:
    assert (setting("METRICS_NETWORKS", tmp_path, **variables) != "[]") is allowed


def test_a_network_can_be_allowed(client: Client, settings: Settings) -> None:
    settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]
    for address, status in (("10.1.2.3", 200), ("10.2.0.1", 404), ("2001:db8::1", 200), ("127.0.0.1", 404)):
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


def test_the_token_works_from_anywhere(client: Client, settings: Settings) -> None:
    settings.CHAT_METRICS_TOKEN = TOKEN
    for header, status in (
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (f"Bearer {TOKEN}0", 404),
        (f"Bearer {TOKEN[:-1]}", 404),
        ("Bearer ", 404),
        ("Bearer ü", 404),
        (f"Basic {TOKEN}", 404),
        (TOKEN, 404),
        ("", 404),
    ):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == status, header


def test_without_a_configured_token_no_token_works(client: Client) -> None:
    for header in ("Bearer ", "Bearer", "Bearer None"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_metrics_accept_only_get(client: Client) -> None:
    assert client.post("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 405


def test_an_invalid_address_is_in_no_network() -> None:
    assert not is_within("", [ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert is_within("192.0.2.1", [ip_network("0.0.0.0/0")])
