from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client

from chat.models import User
from tests.cast import PASSWORD

SignIn = Callable[[User], Client]

NEW = "another long and good password"


def test_alice_changes_her_password_and_stays(signed_in: SignIn, alice: User) -> None:
    client, elsewhere = signed_in(alice), signed_in(alice)

    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert client.get("/accounts/password/change/").status_code == 200
    assert elsewhere.get("/accounts/password/change/").status_code == 302


def test_the_old_password_is_asked_for(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    client.post("/accounts/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_the_password_page_is_for_those_who_are_signed_in(client: Client, alice: User) -> None:
    assert client.get("/accounts/password/change/")["Location"].startswith("/accounts/login/")


def test_a_forgotten_password_is_reset_by_mail_once(client: Client, alice: User) -> None:
    client.post("/accounts/password/reset/", {"email": "alice@example.org"})
    (letter,) = mail.outbox
    link = re.search(r"http://127\.0\.0\.1:8000(/accounts/password/reset/key/\S+)", str(letter.body))
    assert link is not None
    form = client.get(link[1], follow=True).redirect_chain[-1][0]

    client.post(form, {"password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert letter.to == ["alice@example.org"]
    assert alice.check_password(NEW)
    assert 'name="password1"' not in Client().get(link[1], follow=True).content.decode()


def test_a_reset_does_not_tell_who_has_an_account(alice: User) -> None:
    known = Client().post("/accounts/password/reset/", {"email": "alice@example.org"})
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.org"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


@pytest.mark.parametrize("key", ["1-x", "zz-set-password", "0-null", "1-" + "a" * 40])
def test_a_wrong_reset_key_changes_nothing(client: Client, alice: User, key: str) -> None:
    response = client.get(f"/accounts/password/reset/key/{key}/", follow=True)

    assert response.status_code == 200
    assert 'name="password1"' not in response.content.decode()


def test_an_account_without_a_password_can_set_one(alice: User, signed_in: SignIn) -> None:
    alice.set_unusable_password()
    alice.save()
    client = signed_in(alice)
    page = client.get("/accounts/password/change/", follow=True)
    assert page.redirect_chain[-1][0] == "/accounts/password/set/"
    client.post("/accounts/password/set/", {"password1": NEW, "password2": NEW})
    alice.refresh_from_db()
    assert alice.check_password(NEW)
