from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from allauth.account import forms as allauth_forms
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from chat.accounts.forms import ResetPasswordKeyForm
from chat.auth.credentials import user_of_session
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


@pytest.mark.parametrize(
    ("query", "there"),
    [("", "/"), ("?next=/accounts/", "/accounts/"), ("?next=/c/x", "/c/x"), ("?next=https://evil.example/", "/")],
)
def test_a_change_is_confirmed_once_and_redirects_back(signed_in: SignIn, alice: User, query: str, there: str) -> None:
    client = signed_in(alice)
    form = client.get(f"/accounts/password/change/{query}").content.decode()
    sent = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    if told := re.search(r'name="next" value="([^"]+)"', form):
        sent["next"] = told[1]

    answer = client.post("/accounts/password/change/", sent)

    assert answer["Location"] == there
    shown = [client.get(path).content.decode().count("Your password was changed.") for path in ("/", "/accounts/")]
    assert shown == [1, 0]


def test_the_old_password_is_asked_for(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    client.post("/accounts/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW})

    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_the_password_page_requires_a_login(client: Client, alice: User) -> None:
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


def reset_link(client: Client) -> str:
    client.post("/accounts/password/reset/", {"email": "alice@example.org"})
    link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
    assert link is not None
    return link[1]


def test_a_reset_ends_earlier_sessions(signed_in: SignIn, client: Client, alice: User) -> None:
    elsewhere = signed_in(alice)
    form = client.get(reset_link(client), follow=True).redirect_chain[-1][0]

    client.post(form, {"password1": NEW, "password2": NEW})

    assert elsewhere.get("/accounts/password/change/").status_code == 302
    assert user_of_session(str(elsewhere.session.session_key)) is None


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/password/change/"])
def test_a_new_login_and_a_new_password_make_a_new_session_key(signed_in: SignIn, alice: User, address: str) -> None:
    client = signed_in(alice) if "change" in address else Client()
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key
    sent = {"login": "alice", "password": PASSWORD, "oldpassword": PASSWORD, "password1": NEW, "password2": NEW}

    client.post(address, sent)

    assert client.session["_auth_user_id"] == str(alice.pk)
    assert client.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()


def test_concurrent_uses_of_a_link_change_the_password_once(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other use comes after the link was validated, and before the password is saved."""
    link = reset_link(client)
    other = Client()
    forms = [each.get(link, follow=True).redirect_chain[-1][0] for each in (client, other)]
    saved = ResetPasswordKeyForm.save

    def meanwhile(form: ResetPasswordKeyForm) -> None:
        monkeypatch.setattr(ResetPasswordKeyForm, "save", saved)
        first = other.post(forms[1], {"password1": NEW, "password2": NEW})
        assert first["Location"] == "/accounts/password/reset/key/done/"
        saved(form)

    monkeypatch.setattr(ResetPasswordKeyForm, "save", meanwhile)
    late = client.post(forms[0], {"password1": "of the second one 1", "password2": "of the second one 1"})

    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "This link no longer works" in late.content.decode()


def test_control_allauths_own_form_takes_the_link_twice(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = reset_link(client)
    monkeypatch.setattr(ResetPasswordKeyForm, "save", allauth_forms.ResetPasswordKeyForm.save)
    other = Client()
    forms = [each.get(link, follow=True).redirect_chain[-1][0] for each in (client, other)]
    saved = ResetPasswordKeyForm.save

    def meanwhile(form: ResetPasswordKeyForm) -> None:
        monkeypatch.setattr(ResetPasswordKeyForm, "save", saved)
        other.post(forms[1], {"password1": NEW, "password2": NEW})
        saved(form)

    monkeypatch.setattr(ResetPasswordKeyForm, "save", meanwhile)
    client.post(forms[0], {"password1": "of the second one 1", "password2": "of the second one 1"})

    alice.refresh_from_db()
    assert not alice.check_password(NEW)


def test_a_link_expires_when_the_password_is_changed_otherwise(signed_in: SignIn, client: Client, alice: User) -> None:
    link = reset_link(client)

    signed_in(alice).post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    assert "This link no longer works" in client.get(link).content.decode()


def test_reset_key_pages_are_not_cached_and_send_no_referrer(client: Client, alice: User) -> None:
    link = reset_link(client)
    moved = client.get(link)
    client.post(moved["Location"], {"password1": NEW, "password2": NEW})
    used = client.get(link)

    for answer in (moved, used):
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "no-referrer"
    assert link.split("-")[-1].strip("/") not in moved["Location"]
    # A form on such a page would be sent with `Origin: null`, which the CSRF check refuses.
    assert "<form" not in used.content.decode()


def test_a_reset_reveals_no_accounts(alice: User) -> None:
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
    answer = client.post("/accounts/password/set/", {"password1": NEW, "password2": NEW})
    assert answer["Location"] == "/"
    alice.refresh_from_db()
    assert alice.check_password(NEW)
