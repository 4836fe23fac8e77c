from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import Client
from pytest_django import Settings

from chat.networks import is_within

TOKEN = "0123456789abcdef"


@pytest.fixture
def client() -> Client:
    return Client(REMOTE_ADDR="203.0.113.9")


def test_they_are_for_this_machine(client: Client) -> None:
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        response = client.get("/metrics", REMOTE_ADDR=address)
        assert response.status_code == 200
        assert b"chat_runs" in response.content


def test_to_all_others_there_is_nothing_here(client: Client) -> None:
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


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_is_not_this_machine(client: Client, settings: Settings, name: str) -> None:
    """Of which nobody has told us, so that its address stands for everybody's."""
    headers = {name: "for=127.0.0.1" if name == "Forwarded" else "127.0.0.1"}
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", headers=headers).status_code == 404
    # The control: behind a known one the address is the client's.
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", headers=headers).status_code == 200


def test_a_network_can_be_allowed(client: Client, settings: Settings) -> None:
    settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]
    for address, status in (("10.1.2.3", 200), ("10.2.0.1", 404), ("2001:db8::1", 200), ("127.0.0.1", 404)):
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


def test_the_token_opens_them_from_anywhere(client: Client, settings: Settings) -> None:
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


def test_without_a_token_none_opens_them(client: Client) -> None:
    for header in ("Bearer ", "Bearer", "Bearer None"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_they_are_only_read(client: Client) -> None:
    assert client.post("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 405


def test_what_is_no_address_is_in_no_network() -> None:
    assert not is_within("", [ip_network("0.0.0.0/0"), ip_network("::/0")])
    assert is_within("192.0.2.1", [ip_network("0.0.0.0/0")])
