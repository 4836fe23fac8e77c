from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from chat.models import User

SignIn = Callable[[User], Client]


def policy_of(client: Client, address: str) -> dict[str, str]:
    directives = client.get(address)["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


@pytest.mark.parametrize("address", ["/", "/accounts/login/", "/accounts/signup/", "/nowhere", "/admin/"])
def test_every_page_has_the_policy_headers(signed_in: SignIn, admin: User, address: str) -> None:
    response = signed_in(admin).get(address)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-DNS-Prefetch-Control"] == "off"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    permissions = dict(each.split("=") for each in response["Permissions-Policy"].split(", "))
    assert {name for name, allowed in permissions.items() if allowed != "()"} == {"clipboard-write"}
    assert {"camera", "microphone", "geolocation", "payment", "usb"} <= set(permissions)
    assert "Access-Control-Allow-Origin" not in response


def test_only_our_own_scripts_may_run(signed_in: SignIn, alice: User) -> None:
    policy = policy_of(signed_in(alice), "/")

    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob:",
        "connect-src": "'self'",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "frame-src": "http://testserver/image",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "chatsite-worker",
    }


def test_the_admin_policy_differs_only_in_trusted_types(signed_in: SignIn, admin: User) -> None:
    client = signed_in(admin)
    everywhere, there = policy_of(client, "/nowhere"), policy_of(client, "/admin/")

    assert set(everywhere) - set(there) == {"require-trusted-types-for", "trusted-types"}
    assert there == {name: everywhere[name] for name in there}


@pytest.mark.parametrize("address", ["/administration", "/c/admin/", "/accounts/login/?next=/admin/"])
def test_only_the_admin_differs(signed_in: SignIn, alice: User, address: str) -> None:
    assert "require-trusted-types-for" in policy_of(signed_in(alice), address)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/setup/?token=x", "strict-origin"),
        ("/accounts/password/reset/key/1-abc/", "no-referrer"),
        ("/accounts/password/reset/", "strict-origin"),
        ("/accounts/login/?next=/setup/", "same-origin"),
        ("/setups/", "same-origin"),
    ],
)
def test_secret_links_are_not_sent_as_referrer(admin: User, address: str, told: str) -> None:
    """Not even to this site, because its proxy may log it."""
    assert Client().get(address)["Referrer-Policy"] == told


def test_our_own_forms_pass_the_csrf_check(alice: User) -> None:
    """A browser sends `Origin: null` with forms of a page whose Referrer-Policy is no-referrer."""
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    token = client.cookies["csrftoken"].value
    form = {"login": "alice", "password": "wrong", "csrfmiddlewaretoken": token}

    assert client.post("/accounts/login/", form, headers={"Origin": "http://testserver"}).status_code == 200
    assert client.post("/accounts/login/", form, headers={"Origin": "null"}).status_code == 403
    assert client.post("/accounts/login/", form, headers={"Origin": "https://evil.example"}).status_code == 403
