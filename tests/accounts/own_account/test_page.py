"""The account page shows users their own data only, and is never cached."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from chat.models import ApiToken, User
from tests.cast import issue_token, sign_in

SignIn = Callable[[User], Client]

POSTED = (
    *("name/", "address/", "sessions/1/end/", "sessions/others/end/"),
    *("tokens/", "tokens/1/revoke/", "delete/", "address/confirm/"),
)


def test_the_page_shows_only_the_users_own_data(signed_in: SignIn, alice: User, charlie: User) -> None:
    ApiToken.objects.issue(alice, "backup of herons")
    signed_in(alice)

    hers = signed_in(alice).get("/accounts/").content.decode()
    his = signed_in(charlie).get("/accounts/").content.decode()

    assert "backup of herons" in hers
    assert "alice@example.org" in hers
    assert "backup of herons" not in his
    assert "alice" not in his


def test_the_page_is_not_cached(signed_in: SignIn, alice: User) -> None:
    for path in ("", "delete/", "address/confirm/"):
        assert "no-store" in signed_in(alice).get(f"/accounts/{path}")["Cache-Control"]


@pytest.mark.parametrize("path", ["", *POSTED])
def test_anonymous_visitors_are_redirected_to_sign_in(client: Client, alice: User, path: str) -> None:
    for answer in (client.get(f"/accounts/{path}"), client.post(f"/accounts/{path}")):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=/accounts/")


@pytest.mark.parametrize("path", [path for path in POSTED if path not in {"delete/", "address/confirm/"}])
def test_a_get_request_changes_nothing(signed_in: SignIn, alice: User, path: str) -> None:
    assert signed_in(alice).get(f"/accounts/{path}").status_code == 405


@pytest.mark.parametrize("path", POSTED)
def test_a_form_needs_its_csrf_token(alice: User, path: str) -> None:
    client = sign_in(alice, Client(enforce_csrf_checks=True))

    assert client.post(f"/accounts/{path}", {"password": "x"}).status_code == 403


def test_an_api_token_opens_none_of_it(client: Client, alice: User) -> None:
    secret = issue_token(alice)

    assert client.get("/accounts/", headers={"Authorization": f"Bearer {secret}"}).status_code == 302


def test_the_menu_leads_there(signed_in: SignIn, alice: User) -> None:
    assert re.search(r'class="menu__item" href="/accounts/"', signed_in(alice).get("/").content.decode())


def test_no_two_fields_have_the_same_id(signed_in: SignIn, alice: User) -> None:
    ids = re.findall(r'\sid="([^"]+)"', signed_in(alice).get("/accounts/").content.decode())

    assert len(ids) == len(set(ids))


def test_users_without_a_password_must_set_one_first(signed_in: SignIn, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    client = signed_in(alice)

    for path in ("", "delete/"):
        html = client.get(f"/accounts/{path}").content.decode()
        assert "/accounts/password/set/" in html
        assert 'name="password"' not in html


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("name/", {"display_name": "x" * 61}, "name_display_name"),
        ("address/", {"email": "x", "password": "x"}, "address_email"),
        ("address/", {"email": "a@example.org", "password": "wrong"}, "address_password"),
        ("tokens/", {"name": "", "lifetime": "30", "password": ""}, "token_name"),
    ],
)
def test_an_invalid_field_has_the_focus(
    signed_in: SignIn, alice: User, path: str, sent: dict[str, str], field: str
) -> None:
    html = signed_in(alice).post(f"/accounts/{path}", sent).content.decode()

    (focused,) = re.findall(r"<input[^>]* autofocus[^>]*>", html)
    assert f'id="{field}"' in focused
    assert 'aria-invalid="true"' in focused
