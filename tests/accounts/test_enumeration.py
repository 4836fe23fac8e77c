"""Sign-up, sign-in and password reset do not reveal which addresses have an account."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from chat.models import User
from tests.cast import PASSWORD, make_user

KNOWN, UNKNOWN = "alice@example.org", "nobody@example.org"
HERS = "the password of mallory"


def told(response: Any) -> tuple[Any, ...]:
    """What a visitor sees of a response, without the lines that always differ."""
    shown = response.content.decode()
    for varying in ("csrfmiddlewaretoken", 'name="login"', KNOWN, UNKNOWN):
        shown = "\n".join(line for line in shown.splitlines() if varying not in line)
    return response.status_code, response.headers.get("Location"), shown, sorted(response.cookies)


def sign_up(email: str, name: str = "mallory") -> Any:
    return Client().post("/accounts/signup/", {"username": name, "email": email, "password1": HERS, "password2": HERS})


def reset(email: str) -> Any:
    return Client().post("/accounts/password/reset/", {"email": email})


def test_signing_up_reveals_no_accounts(alice: User, hashed: list[int]) -> None:
    known = told(sign_up(KNOWN))
    cost = len(hashed)
    User.objects.filter(username="mallory").delete()
    hashed.clear()

    assert told(sign_up(UNKNOWN)) == known
    assert len(hashed) == cost
    assert mail.outbox == []


@pytest.mark.parametrize("setting", [True, False])
def test_control_with_allauths_default_it_does(alice: User, settings: Settings, setting: bool) -> None:
    settings.ACCOUNT_PREVENT_ENUMERATION = setting

    assert told(sign_up(KNOWN)) != told(sign_up(UNKNOWN, "mallory2"))


def test_signing_up_with_alices_address_does_not_affect_her_account(alice: User) -> None:
    sign_up(KNOWN)

    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    client = Client()
    client.post("/accounts/login/", {"login": KNOWN, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_logging_in_reveals_no_accounts(alice: User) -> None:
    answers = [Client().post("/accounts/login/", {"login": email, "password": "wrong"}) for email in (KNOWN, UNKNOWN)]

    assert told(answers[0]) == told(answers[1])


@pytest.mark.parametrize("accounts", [1, 3])
@pytest.mark.parametrize("login", [KNOWN, UNKNOWN, "alice", "nobody", "ALICE@example.org"])
def test_a_wrong_password_costs_one_hash_for_any_account(
    alice: User, hashed: list[int], login: str, accounts: int
) -> None:
    for number in range(accounts - 1):
        make_user(f"second{number}", email=KNOWN, password=HERS)
    hashed.clear()

    Client().post("/accounts/login/", {"login": login, "password": "wrong"})

    assert hashed == [len("wrong")]


def test_an_account_without_a_password_costs_one_hash_too(alice: User, hashed: list[int]) -> None:
    alice.set_unusable_password()
    alice.save()
    hashed.clear()

    Client().post("/accounts/login/", {"login": "alice", "password": "wrong"})

    assert len(hashed) == 1


def test_only_its_owner_learns_that_an_account_is_disabled(alice: User) -> None:
    User.objects.update(is_active=False)

    answers = [Client().post("/accounts/login/", {"login": login, "password": "x"}) for login in ("alice", "nobody")]

    assert told(answers[0]) == told(answers[1])


def test_password_reset_reveals_no_accounts(alice: User) -> None:
    known, unknown = reset(KNOWN), reset(UNKNOWN)

    assert told(known) == told(unknown)
    # The same number of emails, so that both take equally long.
    assert [letter.to for letter in mail.outbox] == [[KNOWN], [UNKNOWN]]


def test_an_address_with_many_accounts_gets_one_mail(alice: User) -> None:
    for number in range(30):
        make_user(f"mallory{number}", email=KNOWN)

    reset(KNOWN)

    (letter,) = mail.outbox
    assert str(letter.body).count("/accounts/password/reset/key/") == 10
    assert "alice\nhttp://" in str(letter.body)


def test_a_lookalike_address_gets_no_link(alice: User) -> None:
    """Unicode's dotless i becomes I in upper case, so a database may treat both as equal."""
    reset("alıce@example.org")
    reset("ALICE@EXAMPLE.ORG")

    unknown, known = mail.outbox
    assert "/password/reset/key/" not in str(unknown.body)
    assert known.to == [KNOWN]


@pytest.mark.parametrize("is_open", [True, False])
def test_unknown_addresses_are_invited_only_if_sign_up_is_open(alice: User, settings: Settings, is_open: bool) -> None:
    settings.CHAT_SIGNUP = is_open

    reset(UNKNOWN)

    assert ("/accounts/signup/" in str(mail.outbox[0].body)) is is_open


@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_a_mail_failure_is_shown_and_logged(alice: User, settings: Settings, email: str, caplog: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    # Nothing listens on this port.
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    response = reset(email)

    assert response.status_code == 503
    assert "The email could not be sent" in response.content.decode()
    assert "mail: not sent" in caplog.text
    assert email not in caplog.text
