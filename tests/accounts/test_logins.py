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
def test_signing_up_with_a_similar_username_is_refused(client: Client, alice: User, name: str) -> None:
    client.post("/accounts/signup/", {"username": name, "password1": HERS, "password2": HERS})

    assert User.objects.get() == alice


@pytest.mark.parametrize("name", LIKE_AN_ADDRESS)
def test_an_administrator_cannot_have_an_address_as_username(
    db: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    with pytest.raises(CommandError):
        call_command("createsuperuser", username=name, email="x@example.org", interactive=False, verbosity=0)

    assert not User.objects.exists()


@pytest.mark.parametrize("name", LIKE_AN_ADDRESS)
def test_the_admin_accepts_no_address_as_username(signed_in: SignIn, admin: User, alice: User, name: str) -> None:
    client = signed_in(admin)
    made = {"username": name, "password1": HERS, "password2": HERS, "usable_password": "true"}
    changed = {"username": name, "email": "", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    assert client.post("/admin/chat/user/add/", made).status_code == 200
    assert client.post(f"/admin/chat/user/{alice.pk}/change/", changed).status_code == 200
    assert set(User.objects.values_list("username", flat=True)) == {"admin", "alice"}


def test_the_admin_refuses_usernames_that_differ_only_in_case(signed_in: SignIn, admin: User, alice: User) -> None:
    client = signed_in(admin)
    bob = make_user("bob")
    changed = {"username": "ALICE", "email": "", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}

    assert client.post(f"/admin/chat/user/{bob.pk}/change/", changed).status_code == 200
    bob.refresh_from_db()
    assert bob.username == "bob"


def test_the_admin_refuses_an_address_already_in_use(signed_in: SignIn, admin: User, alice: User, bob: User) -> None:
    changed = {
        "username": "bob", "email": "Alice@Example.org", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip

    assert signed_in(admin).post(f"/admin/chat/user/{bob.pk}/change/", changed).status_code == 200
    bob.refresh_from_db()
    assert bob.email == "bob@example.org"


def test_an_old_username_with_an_address_can_still_be_edited(signed_in: SignIn, admin: User) -> None:
    """Usernames that the site used to allow stay until somebody changes them."""
    old = make_user("old@example.org", email="old@example.org")
    changed = {
        "username": old.username, "email": old.email, "first_name": "Old", "is_active": "on",
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip

    assert signed_in(admin).post(f"/admin/chat/user/{old.pk}/change/", changed).status_code == 302
    old.refresh_from_db()
    assert old.first_name == "Old"


def test_control_without_the_rule_a_username_can_be_an_address(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UsernameValidator, "__call__", lambda self, value: None)

    client.post("/accounts/signup/", {"username": "bob@example.org", "password1": HERS, "password2": HERS})

    assert User.objects.filter(username="bob@example.org").exists()


# --- Older accounts that have such usernames anyway


@pytest.mark.parametrize("login", ["alice@example.org", "ALICE@example.org"])
@pytest.mark.parametrize("name", ["alice@example.org", "Alice@Example.org"])
def test_a_username_does_not_take_over_an_address(alice: User, name: str, login: str) -> None:
    make_user(name, email="", password=HERS)

    assert logged_in(login) == "alice"
    assert logged_in(login, HERS) is None


def test_an_address_does_not_take_over_a_username(client: Client, db: None) -> None:
    """An older account's username is an address, and a new user signs up with that address."""
    make_user("old@example.org", email="")
    sent = {"username": "mallory", "email": "old@example.org", "password1": HERS, "password2": HERS}
    client.post("/accounts/signup/", sent)

    assert User.objects.count() == 2
    assert logged_in("old@example.org") == "old@example.org"
    assert logged_in("old@example.org", HERS) is None


def test_a_duplicate_address_belongs_to_the_older_account(alice: User) -> None:
    make_user("mallory", email="ALICE@example.org", password=HERS)

    assert logged_in("alice@example.org") == "alice"
    assert logged_in("ALICE@EXAMPLE.ORG") == "alice"
    assert logged_in("alice@example.org", HERS) is None
    assert logged_in("mallory", HERS) == "mallory"


def test_control_in_another_order_the_newer_account_takes_it_over(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("mallory", email="alice@example.org", password=HERS)
    ordered = User._in_order
    monkeypatch.setattr(User, "_in_order", lambda *asked: ordered(*asked)[::-1])

    assert logged_in("alice@example.org", HERS) == "mallory"


def test_usernames_that_differ_only_in_case_can_all_log_in(alice: User) -> None:
    make_user("Alice", email="", password=HERS)

    assert logged_in("alice") == "alice"
    assert logged_in("Alice", HERS) == "Alice"
    assert logged_in("ALICE") == "alice"


def test_a_disabled_account_does_not_reserve_its_address(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    make_user("alice2", email="alice@example.org", password=HERS)

    assert logged_in("alice@example.org", HERS) == "alice2"


@pytest.mark.parametrize(
    "login", ["alıce", "alıce@example.org", "alice@example.org ", " alice", "ÀLICE", "alice\u200b"]
)
def test_a_lookalike_letter_does_not_match(alice: User, login: str) -> None:
    found = User.named_by(login.strip())

    assert found == (alice if login.strip().isascii() else None)


def test_an_address_stored_only_by_allauth_does_not_log_in(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="before@example.org", verified=True)

    assert logged_in("before@example.org") is None


def test_an_address_in_uppercase_logs_in(db: None) -> None:
    make_user("dora", email="Dora.Meyer@example.org")

    assert logged_in("dora.meyer@example.org") == "dora"


def test_an_empty_login_matches_no_account(db: None) -> None:
    make_user("dora", email="")

    assert User.named_by("") is None
    assert User.named_by("@") is None
    assert User.with_address("") == []
