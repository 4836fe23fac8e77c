from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from pytest_django import Settings

from chat.models import User
from tests.cast import PASSWORD

SIGN_UP = {"username": "dora", "password1": PASSWORD, "password2": PASSWORD}
SignIn = Callable[[User], Client]


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def log_in(client: Client, login: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post("/accounts/login/", {"login": login, "password": password}, **extra)


# --- Logging in


@pytest.mark.parametrize("login", ["alice", "ALICE", "alice@example.org", "Alice@Example.org"])
def test_alice_logs_in_by_name_or_address(client: Client, alice: User, login: str) -> None:
    response = log_in(client, login)

    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_signed_in(client)


@pytest.mark.parametrize(("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("alice", "")])
def test_wrong_credentials_do_not_log_in(client: Client, alice: User, login: str, password: str) -> None:
    response = log_in(client, login, password)

    assert response.status_code == 200
    assert not is_signed_in(client)


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(alice: User) -> None:
    errors = [log_in(Client(), name, "wrong").context["form"].errors for name in ("alice", "nobody")]

    assert errors[0] == errors[1]


def test_an_inactive_account_cannot_log_in(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)

    assert log_in(client, "alice")["Location"] == "/accounts/inactive/"
    assert not is_signed_in(client)


def test_logging_in_makes_a_new_session_key(client: Client, alice: User) -> None:
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key

    log_in(client, "alice")

    assert client.session.session_key != before


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_login_does_not_redirect_to_other_sites(client: Client, alice: User, target: str) -> None:
    response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD, "next": target})

    assert response["Location"] == "/"


def test_login_redirects_back(client: Client, alice: User) -> None:
    response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD, "next": "/c/x"})

    assert response["Location"] == "/c/x"


def test_a_forged_login_is_refused(alice: User) -> None:
    assert log_in(Client(enforce_csrf_checks=True), "alice").status_code == 403


def test_the_cookies_are_http_only_and_same_site(client: Client, alice: User) -> None:
    log_in(client, "alice")

    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


# --- Limits


def test_guessing_is_slowed_down(client: Client, alice: User) -> None:
    for _ in range(5):
        assert log_in(client, "alice", "wrong").status_code == 200

    refused = log_in(client, "alice")

    assert not is_signed_in(client)
    assert "Too many failed sign-in attempts" in refused.content.decode()


def test_guessing_many_names_from_one_address_is_slowed_down(client: Client, alice: User) -> None:
    answers = [log_in(client, f"name{number}", "wrong").content.decode() for number in range(11)]

    assert ["Too many failed" in answer for answer in answers] == [False] * 10 + [True]


def test_a_claimed_client_address_is_ignored(alice: User) -> None:
    for number in range(10):
        log_in(Client(), f"name{number}", "wrong", headers={"X-Forwarded-For": f"10.0.0.{number}"})

    refused = log_in(Client(), "alice", headers={"X-Forwarded-For": "10.1.1.1"})

    assert "Too many failed" in refused.content.decode()


def test_attempts_count_by_the_address_of_the_client(alice: User) -> None:
    """chatsite/trusted_scope.py tells the application this address."""
    for number in range(11):
        log_in(Client(REMOTE_ADDR="192.0.2.1"), f"name{number}", "wrong")
    client, other = Client(REMOTE_ADDR="192.0.2.1"), Client(REMOTE_ADDR="192.0.2.2")

    log_in(client, "alice")
    log_in(other, "alice")

    assert (is_signed_in(client), is_signed_in(other)) == (False, True)


def test_too_many_forms_get_an_error_page(client: Client, alice: User) -> None:
    answers = [client.post("/accounts/signup/", {}) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert "Wait a few minutes" in answers[-1].content.decode()


def test_many_usernames_do_not_evict_the_counts(settings: Settings) -> None:
    assert settings.CACHES["default"]["OPTIONS"]["MAX_ENTRIES"] >= 100_000


# --- Signing up


def test_signing_up_needs_no_email_address(client: Client, alice: User) -> None:
    response = client.post("/accounts/signup/", SIGN_UP)

    assert (response.status_code, response["Location"]) == (302, "/")
    dora = User.objects.get(username="dora")
    assert (dora.email, dora.is_staff, dora.is_superuser) == ("", False, False)
    assert is_signed_in(client)
    assert mail.outbox == []


def test_signing_up_grants_no_permissions(client: Client, alice: User) -> None:
    client.post("/accounts/signup/", {**SIGN_UP, "is_staff": "on", "is_superuser": "on", "groups": "1"})

    dora = User.objects.get(username="dora")
    assert (dora.is_staff, dora.is_superuser, dora.groups.count()) == (False, False, 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "alice"},
        {"username": "ALICE"},
        {"username": ""},
        {"username": "mallory@example.org"},
        {"email": "none"},
        {"password2": "different"},
        {"password1": "12345678", "password2": "12345678"},
    ],
)
def test_an_invalid_sign_up_creates_no_account(client: Client, alice: User, changed: dict[str, str]) -> None:
    response = client.post("/accounts/signup/", {**SIGN_UP, **changed})

    assert response.status_code == 200
    assert User.objects.get() == alice


def test_signing_up_can_be_switched_off(client: Client, alice: User, settings: Settings) -> None:
    settings.CHAT_SIGNUP = False

    shown, sent = client.get("/accounts/signup/"), client.post("/accounts/signup/", SIGN_UP)

    assert 'name="password1"' not in shown.content.decode()
    assert not is_signed_in(client)
    assert sent.status_code == 200
    assert User.objects.get() == alice


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/"])
def test_login_and_sign_up_redirect_to_setup_before_the_first_run(client: Client, db: None, address: str) -> None:
    assert client.get(address)["Location"] == "/setup/"
    assert client.post(address, SIGN_UP)["Location"] == "/setup/"
    assert not User.objects.exists()


# --- Logging out


def test_logging_out_ends_the_session(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    response = client.post("/accounts/logout/")

    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert not is_signed_in(client)


def test_a_get_request_does_not_log_out(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    assert client.get("/accounts/logout/").status_code == 200
    assert is_signed_in(client)


# --- Pages that do not exist


@pytest.mark.parametrize("address", ["email/", "confirm-email/", "login/code/", "login/code/confirm/", "3rdparty/"])
def test_other_pages_of_allauth_do_not_exist(signed_in: SignIn, alice: User, address: str) -> None:
    assert signed_in(alice).get(f"/accounts/{address}").status_code == 404


def test_every_account_page_is_listed_here() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str) and name.startswith("account")}

    assert names == {
        "account",
        "account_rename",
        "account_change_address",
        "account_confirm_address",
        "account_end_session",
        "account_end_other_sessions",
        "account_make_token",
        "account_revoke_token",
        "account_delete",
        "account_login",
        "account_logout",
        "account_signup",
        "account_inactive",
        "account_reauthenticate",
        "account_change_password",
        "account_set_password",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
    }
    with pytest.raises(NoReverseMatch):
        reverse("account_email")
