"""A login never leads to somebody else's account, whatever usernames and addresses exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client

from chat.models import User
from chat.models.user import UsernameValidator
from tests.cast import PASSWORD, make_user

SignIn = Callable[[User], Client]
HERS = "the password of mallory"
# "@" and letters in forms that NFKC replaces: full width, small form, a ligature, KELVIN SIGN.
LIKE_AN_ADDRESS = ["alice@example.org", "ALICE@EXAMPLE.ORG", "@", "alice＠example.org", "alice﹫example.org"]
ANOTHER_FORM_OF = ["ﬁona", "ａlice", "\u212aate", "e\u0301va", "ⅷ"]


def logged_in(login: str, password: str = PASSWORD) -> str | None:
    """The username of the account that these credentials open."""
    client = Client()
    client.post("/accounts/login/", {"login": login, "password": password})
    user_id = client.session.get("_auth_user_id")
    return User.objects.get(pk=user_id).username if user_id else None


# --- Usernames must not look like addresses


@pytest.mark.parametrize("name", LIKE_AN_ADDRESS + ANOTHER_FORM_OF)
def test_nobody_signs_up_by_a_name_that_is_like_another(client: Client, alice: User, name: str) -> None:
    client.post("/accounts/signup/", {"username": name, "password1": HERS, "password2": HERS})

    assert User.objects.get() == alice


@pytest.mark.parametrize("name", LIKE_AN_ADDRESS)
def test_no_administrator_is_named_by_an_address(db: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    with pytest.raises(CommandError):
        call_command("createsuperuser", username=name, email="x@example.org", interactive=False, verbosity=0)

    assert not User.objects.exists()


@pytest.mark.parametrize("name", LIKE_AN_ADDRESS)
def test_the_admin_names_nobody_by_an_address(signed_in: SignIn, admin: User, alice: User, name: str) -> None:
    client = signed_in(admin)
    made = {"username": name, "password1": HERS, "password2": HERS, "usable_password": "true"}
    changed = {"username": name, "email": "", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    assert client.post("/admin/chat/user/add/", made).status_code == 200
    assert client.post(f"/admin/chat/user/{alice.pk}/change/", changed).status_code == 200
    assert set(User.objects.values_list("username", flat=True)) == {"admin", "alice"}


def test_the_admin_makes_no_two_names_that_differ_in_case_only(signed_in: SignIn, admin: User, alice: User) -> None:
    client = signed_in(admin)
    bob = make_user("bob")
    changed = {"username": "ALICE", "email": "", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    assert client.post(f"/admin/chat/user/{bob.pk}/change/", changed).status_code == 200
    bob.refresh_from_db()
    assert bob.username == "bob"


def test_the_admin_gives_no_address_to_a_second_account(
    signed_in: SignIn, admin: User, alice: User, bob: User
) -> None:
    changed = {
        "username": "bob", "email": "Alice@Example.org", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip

    assert signed_in(admin).post(f"/admin/chat/user/{bob.pk}/change/", changed).status_code == 200
    bob.refresh_from_db()
    assert bob.email == "bob@example.org"


def test_whoever_is_named_by_an_address_from_before_can_still_be_changed(signed_in: SignIn, admin: User) -> None:
    """Usernames that the site used to allow stay until somebody changes them."""
    old = make_user("old@example.org", email="old@example.org")
    changed = {
        "username": old.username, "email": old.email, "first_name": "Old", "is_active": "on",
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip

    assert signed_in(admin).post(f"/admin/chat/user/{old.pk}/change/", changed).status_code == 302
    old.refresh_from_db()
    assert old.first_name == "Old"


def test_control_without_the_rule_a_name_is_an_address(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UsernameValidator, "__call__", lambda self, value: None)

    client.post("/accounts/signup/", {"username": "bob@example.org", "password1": HERS, "password2": HERS})

    assert User.objects.filter(username="bob@example.org").exists()


# --- Older accounts that have such usernames anyway


@pytest.mark.parametrize("login", ["alice@example.org", "ALICE@example.org"])
@pytest.mark.parametrize("name", ["alice@example.org", "Alice@Example.org"])
def test_a_name_does_not_take_an_address_over(alice: User, name: str, login: str) -> None:
    make_user(name, email="", password=HERS)

    assert logged_in(login) == "alice"
    assert logged_in(login, HERS) is None


def test_an_address_does_not_take_a_name_over(client: Client, db: None) -> None:
    """An older account's username is an address, and a new user signs up with that address."""
    make_user("old@example.org", email="")
    sent = {"username": "mallory", "email": "old@example.org", "password1": HERS, "password2": HERS}
    client.post("/accounts/signup/", sent)

    assert User.objects.count() == 2
    assert logged_in("old@example.org") == "old@example.org"
    assert logged_in("old@example.org", HERS) is None


def test_an_address_that_was_given_twice_is_the_older_accounts(alice: User) -> None:
    make_user("mallory", email="ALICE@example.org", password=HERS)

    assert logged_in("alice@example.org") == "alice"
    assert logged_in("ALICE@EXAMPLE.ORG") == "alice"
    assert logged_in("alice@example.org", HERS) is None
    assert logged_in("mallory", HERS) == "mallory"


def test_control_in_another_order_the_younger_account_takes_it_over(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("mallory", email="alice@example.org", password=HERS)
    ordered = User._in_order
    monkeypatch.setattr(User, "_in_order", lambda *asked: ordered(*asked)[::-1])

    assert logged_in("alice@example.org", HERS) == "mallory"


def test_names_that_differ_in_case_lock_nobody_out(alice: User) -> None:
    make_user("Alice", email="", password=HERS)

    assert logged_in("alice") == "alice"
    assert logged_in("Alice", HERS) == "Alice"
    assert logged_in("ALICE") == "alice"


def test_an_account_that_is_switched_off_holds_no_address_back(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    make_user("alice2", email="alice@example.org", password=HERS)

    assert logged_in("alice@example.org", HERS) == "alice2"


@pytest.mark.parametrize(
    "login", ["alıce", "alıce@example.org", "alice@example.org ", " alice", "ÀLICE", "alice\u200b"]
)
def test_a_letter_that_only_looks_the_same_is_another(alice: User, login: str) -> None:
    found = User.named_by(login.strip())

    assert found == (alice if login.strip().isascii() else None)


def test_an_address_that_allauth_remembers_does_not_log_in(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="before@example.org", verified=True)

    assert logged_in("before@example.org") is None


def test_an_address_with_capitals_logs_in(db: None) -> None:
    make_user("dora", email="Dora.Meyer@example.org")

    assert logged_in("dora.meyer@example.org") == "dora"


def test_an_empty_login_is_nobody(db: None) -> None:
    make_user("dora", email="")

    assert User.named_by("") is None
    assert User.named_by("@") is None
    assert User.with_address("") == []
