from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from chat.models import User

SignIn = Callable[[User], Client]
ADDRESS = "https://pictures.example/heron.png?size=2&x=%20y"


def test_the_page_shows_one_image_and_may_load_nothing_else(signed_in: SignIn, alice: User) -> None:
    response = signed_in(alice).get("/image", {"address": ADDRESS}, headers={"Sec-Fetch-Dest": "iframe"})

    assert response.status_code == 200
    assert '<img src="https://pictures.example/heron.png?size=2&amp;x=%20y"' in response.content.decode()
    policy = response["Content-Security-Policy"].split("; ")
    assert policy == [
        "default-src 'none'",
        "img-src https://pictures.example",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    ]
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "script" not in response.content.decode()


def test_a_port_is_kept(signed_in: SignIn, alice: User) -> None:
    response = signed_in(alice).get("/image", {"address": "https://pictures.example:8443/a"})

    assert "img-src https://pictures.example:8443;" in response["Content-Security-Policy"]


def test_the_page_requires_a_login() -> None:
    response = Client().get("/image", {"address": ADDRESS})

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("destination", ["document", "image", "script", "empty"])
def test_the_page_is_for_frames_only(signed_in: SignIn, alice: User, destination: str) -> None:
    response = signed_in(alice).get("/image", {"address": ADDRESS}, headers={"Sec-Fetch-Dest": destination})

    assert response.status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "/accounts/logout/",
        "//evil.example/x",
        "http://pictures.example/x",
        "javascript:__x=1",
        "data:image/png;base64,AAAA",
        "https://",
        "https://testserver/accounts/logout/",
        "https://TESTSERVER:1234/accounts/logout/",
        "https://user@evil.example/",
        "https://@evil.example/",
        "https://evil.example\\@testserver/",
        "https://evil.example;script-src/",
        "https://evil.example/ x",
        'https://evil.example/"onerror="__x=1',
        "https://evil.example:port/",
        "https://[evil/",
        "https://*.example/x",
        "https://\u0430pple.example/x",
        "https://evil.example",
        "https://evil.example/" + "x" * 4096,
    ],
)
def test_other_addresses_are_not_shown(signed_in: SignIn, alice: User, address: str) -> None:
    assert signed_in(alice).get("/image", {"address": address}).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_the_page_accepts_only_get(signed_in: SignIn, alice: User, method: str) -> None:
    assert getattr(signed_in(alice), method)("/image", {"address": ADDRESS}).status_code == 405
