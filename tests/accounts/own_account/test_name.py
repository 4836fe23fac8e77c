"""The display name is shown instead of the username."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from chat.models import User
from tests.cast import PASSWORD

SignIn = Callable[[User], Client]


def rename(client: Client, name: str) -> str:
    return client.post("/accounts/name/", {"display_name": name}, follow=True).content.decode()


def test_the_name_is_shown_in_the_menu_and_the_greeting(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    assert "Name saved." in rename(client, "Dr. Alice Heron")

    page = client.get("/").content.decode()
    assert page.count("Dr. Alice Heron") >= 2
    assert 'class="truncate" dir="auto">Dr. Alice Heron</span>' in page


def test_without_a_name_the_username_is_shown(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)
    rename(client, "Dr. Alice Heron")

    rename(client, "")

    page = client.get("/").content.decode()
    assert "Heron" not in page
    assert 'class="truncate" dir="auto">alice</span>' in page


def test_a_name_is_no_login_and_the_username_still_works(signed_in: SignIn, alice: User, bob: User) -> None:
    rename(signed_in(alice), "bob")

    for login, owner in (("bob", bob), ("alice", alice)):
        client = Client()
        client.post("/accounts/login/", {"login": login, "password": PASSWORD})
        assert client.session["_auth_user_id"] == str(owner.pk)


def test_the_name_is_normalized(signed_in: SignIn, alice: User) -> None:
    rename(signed_in(alice), "  Jose\u0301   Heron ")

    alice.refresh_from_db()
    assert alice.display_name == "José Heron"


@pytest.mark.parametrize("name", ["x" * 61, "a\u202eb", "a\u200bb", "a\x07b", "\u2066x"])
def test_a_name_with_hidden_characters_is_refused(signed_in: SignIn, alice: User, name: str) -> None:
    shown = rename(signed_in(alice), name)

    alice.refresh_from_db()
    assert alice.display_name == ""
    assert 'class="errorlist"' in shown


def test_a_name_is_escaped(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    rename(client, "<b onclick=x>Al</b>")

    for path in ("/accounts/", "/"):
        assert "<b onclick" not in client.get(path).content.decode()


def test_the_form_changes_nothing_else(signed_in: SignIn, alice: User) -> None:
    signed_in(alice).post("/accounts/name/", {"display_name": "A", "is_superuser": "on", "username": "root"})

    alice.refresh_from_db()
    assert (alice.username, alice.is_superuser) == ("alice", False)
