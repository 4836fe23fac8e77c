"""What the operator is told if a browser's origin does not match the site's settings."""

from __future__ import annotations

import logging

import pytest
from django.test import Client
from pytest_django import Settings

from chat.auth import origins
from chat.management.commands.serve import warn_of_the_proxy

NAME = "chat.example.org"


@pytest.fixture(autouse=True)
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS = [NAME, "127.0.0.1"]
    monkeypatch.setattr(origins, "_told", set())


def post(client: Client, path: str, *, host: str, origin: str, **more: str) -> tuple[int, str]:
    client.handler.enforce_csrf_checks = True
    response = client.post(path, {}, headers={"Host": host, "Origin": origin, **more})
    return response.status_code, response.content.decode()


@pytest.mark.parametrize(
    ("https", "host", "origin", "named"),
    [
        (False, NAME, f"https://{NAME}", ["CHAT_HTTPS=1"]),
        (True, NAME, f"http://{NAME}", ["CHAT_HTTPS is on", "HTTP"]),
        (True, "127.0.0.1:8000", f"https://{NAME}", ["Host", "TRUSTED_ORIGINS"]),
        (False, "127.0.0.1:8000", f"https://{NAME}", ["Host", "TRUSTED_ORIGINS", "CHAT_HTTPS=1"]),
        (False, NAME, "https://ai.example.org", ["TRUSTED_ORIGINS"]),
        (False, NAME, f"http://{NAME}:8443", ["TRUSTED_ORIGINS"]),
    ],
)
def test_page_and_log_name_the_header_and_the_setting(
    client: Client,
    db: None,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    https: bool,
    host: str,
    origin: str,
    named: list[str],
) -> None:
    settings.HTTPS = https
    with caplog.at_level(logging.WARNING, "chat"):
        status, page = post(client, "/accounts/login/", host=host, origin=origin)

    assert status == 403
    assert "another tab" not in page
    (line,) = [message for message in caplog.messages if message.startswith("origins: ")]
    for word in [*named, origin]:
        assert word in page
        assert word in line


def test_api_clients_get_the_advice_too(client: Client, db: None) -> None:
    status, body = post(client, "/api/conversations", host=NAME, origin=f"https://{NAME}")
    assert status in (401, 403)
    if status == 403:
        assert "CHAT_HTTPS=1" in body


def test_an_expired_form_is_still_reported_as_expired(client: Client, db: None) -> None:
    """The control: here the origin is right."""
    status, page = post(client, "/accounts/login/", host=NAME, origin=f"http://{NAME}")
    assert status == 403
    assert "another tab" in page


def test_an_unknown_host_is_reported_with_the_setting(client: Client, db: None) -> None:
    response = client.get("/", headers={"Host": "upstream<b>"})
    assert response.status_code == 400
    response = client.get("/", headers={"Host": "upstream"})
    page = response.content.decode()
    assert response.status_code == 400
    assert "upstream" in page
    assert "ALLOWED_HOSTS" in page
    assert "Host header" in page


def test_a_socket_s_refusal_is_logged_once_for_each_pair(caplog: pytest.LogCaptureFixture) -> None:
    scope = {"headers": [(b"host", NAME.encode()), (b"origin", f"https://{NAME}".encode())]}
    with caplog.at_level(logging.WARNING, "chat"):
        for _ in range(3):
            assert not origins.may_connect(scope)
            origins.tell_of_the_origin(scope)
    assert len(caplog.messages) == 1
    assert "CHAT_HTTPS=1" in caplog.messages[0]


def test_origins_cannot_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "chat"):
        for number in range(10 * origins.TOLD):
            origins.tell("a form was", f"https://{number}.example\n{'x' * 10_000}", NAME)
    assert len(caplog.messages) == origins.TOLD
    assert all("\n" not in message and len(message) < 2000 for message in caplog.messages)


@pytest.mark.parametrize(
    ("https", "proxies", "is_told"), [(True, 0, True), (True, 1, False), (False, 0, False)], ids=str
)
def test_startup_warns_of_https_without_a_trusted_proxy(
    settings: Settings, caplog: pytest.LogCaptureFixture, https: bool, proxies: int, is_told: bool
) -> None:
    settings.HTTPS, settings.CHAT_TRUSTED_PROXIES = https, proxies
    warn_of_the_proxy()
    assert ["CHAT_TRUSTED_PROXIES=1" in message for message in caplog.messages] == [True] * is_told


@pytest.mark.parametrize("origin", ["null", "", "http://[", "javascript:x", "//"])
def test_an_invalid_origin_causes_no_error(origin: str) -> None:
    assert "TRUSTED_ORIGINS" in origins.advice(origin, NAME)
