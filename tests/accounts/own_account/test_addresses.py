"""An address can be added, changed and removed after sign-up. It never takes over somebody else's account."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail, signing
from django.test import Client
from pytest_django import Settings

from chat.accounts.own_account import addresses
from chat.models import User
from tests.cast import PASSWORD, make_user

SignIn = Callable[[User], Client]
NEW = "alice.heron@example.org"
NO_MAIL = "chat.mail.NoMailServer"


@pytest.fixture
def without_mail(settings: Settings) -> None:
    settings.EMAIL_BACKEND = NO_MAIL


@pytest.fixture
def nameless(alice: User) -> User:
    """Alice, without an email address."""
    alice.set_address("")
    return alice


def ask(client: Client, email: str, password: str = PASSWORD) -> str:
    sent = {"email": email, "password": password}
    return client.post("/accounts/address/", sent, follow=True).content.decode()


def link() -> str:
    found = re.search(r"http://[^/]+(/accounts/address/confirm/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def confirm(client: Client, path: str) -> Any:
    token = path.partition("token=")[2].replace("%3A", ":")
    return client.post("/accounts/address/confirm/", {"token": token}, follow=True)


def address_of(user: User) -> str:
    user.refresh_from_db()
    return user.email


def logs_in(login: str) -> User | None:
    return User.named_by(login)


def test_an_address_is_saved_when_its_link_is_opened(signed_in: SignIn, nameless: User) -> None:
    client = signed_in(nameless)

    assert "link to alice.heron@example.org" in ask(client, NEW)
    assert address_of(nameless) == ""
    (letter,) = mail.outbox
    assert letter.to == [NEW]
    assert "/accounts/address/confirm/" in str(letter.body)
    assert "alice.heron@example.org" in client.get(link()).content.decode()
    assert address_of(nameless) == ""

    confirm(client, link())

    assert address_of(nameless) == NEW
    assert logs_in(NEW) == nameless


def test_the_link_is_only_for_the_requesting_account(signed_in: SignIn, nameless: User, charlie: User) -> None:
    """Opening a link that a stranger requested gives the stranger nothing."""
    ask(signed_in(charlie), NEW)

    shown = confirm(signed_in(nameless), link()).content.decode()

    assert "This link no longer works" in shown
    assert (address_of(nameless), address_of(charlie)) == ("", "charlie@example.org")
    assert Client().get(link())["Location"].startswith("/accounts/login/")


def test_a_link_works_once(signed_in: SignIn, nameless: User) -> None:
    client = signed_in(nameless)
    ask(client, NEW)
    used = link()
    confirm(client, used)
    ask(client, "")

    assert "This link no longer works" in confirm(client, used).content.decode()
    assert address_of(nameless) == ""


@pytest.mark.parametrize(
    # The signed token needs a fixed id. It contains the time, so each process would collect a different test.
    "token",
    ["", "x", "a:b:c", pytest.param(signing.dumps("x", salt=addresses.SALT), id="signed")],
)
def test_a_wrong_link_changes_nothing(signed_in: SignIn, alice: User, token: str) -> None:
    client = signed_in(alice)

    for answer in (
        client.get("/accounts/address/confirm/", {"token": token}),
        client.post("/accounts/address/confirm/", {"token": token}),
    ):
        assert answer.status_code == 200
        assert "This link no longer works" in answer.content.decode()
    assert address_of(alice) == "alice@example.org"


def test_a_link_expires_after_a_day(signed_in: SignIn, nameless: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(nameless)
    ask(client, NEW)
    monkeypatch.setattr(addresses, "LINK_SECONDS", -1)

    confirm(client, link())

    assert address_of(nameless) == ""


def test_the_password_is_asked_for(signed_in: SignIn, nameless: User) -> None:
    for password in ("", "wrong", "x" * 1_001):
        assert 'class="errorlist"' in ask(signed_in(nameless), NEW, password)

    assert address_of(nameless) == ""
    assert mail.outbox == []


def test_wrong_passwords_are_counted(signed_in: SignIn, nameless: User) -> None:
    client = signed_in(nameless)
    for _ in range(5):
        ask(client, NEW, "wrong")

    assert "Too many failed" in ask(client, NEW)
    assert mail.outbox == []


@pytest.mark.parametrize("email", ["x", "a@b", "a b@example.org", "a@example.org\nBcc: c@example.org", "x" * 300])
def test_an_invalid_address_is_refused(signed_in: SignIn, nameless: User, email: str) -> None:
    assert 'class="errorlist"' in ask(signed_in(nameless), email)

    assert mail.outbox == []


def test_links_are_limited(signed_in: SignIn, nameless: User) -> None:
    client = signed_in(nameless)
    for number in range(5):
        ask(client, f"a{number}@example.org")

    assert "many links" in ask(client, NEW)
    assert len(mail.outbox) == 5


def test_the_previous_address_is_notified(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)
    ask(client, NEW)

    confirm(client, link())

    assert mail.outbox[-1].to == ["alice@example.org"]
    assert "no longer has this address" in str(mail.outbox[-1].body)


def test_an_address_is_removed(signed_in: SignIn, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="alice@example.org", primary=True)

    assert "Address removed." in ask(signed_in(alice), "")

    assert address_of(alice) == ""
    assert logs_in("alice@example.org") is None
    assert not EmailAddress.objects.exists()


@pytest.mark.usefixtures("without_mail")
def test_without_a_mail_server_an_address_is_saved_immediately(signed_in: SignIn, nameless: User) -> None:
    assert "Address saved." in ask(signed_in(nameless), NEW)

    assert (address_of(nameless), logs_in(NEW)) == (NEW, nameless)


@pytest.mark.usefixtures("without_mail")
def test_an_address_in_use_still_logs_in_its_first_owner(signed_in: SignIn, nameless: User, charlie: User) -> None:
    """Alice's account is older. If age alone decided, the address would be hers."""
    taken, free = (ask(signed_in(nameless), email) for email in ("CHARLIE@example.org", NEW))

    assert "Address saved." in taken
    assert "Address saved." in free
    ask(signed_in(nameless), "charlie@example.org")
    assert logs_in("charlie@example.org") == charlie
    assert User.with_address("charlie@example.org")[0] == charlie


def test_confirming_an_address_does_not_take_it_over(signed_in: SignIn, nameless: User, charlie: User) -> None:
    client = signed_in(nameless)
    ask(client, "charlie@example.org")
    confirm(client, link())

    assert logs_in("charlie@example.org") == charlie


@pytest.mark.usefixtures("without_mail")
def test_an_old_username_with_an_address_stays_with_its_owner(signed_in: SignIn, nameless: User) -> None:
    older = make_user("heron@example.org", email="elsewhere@example.org")
    older.set_address("somewhere@example.org")

    ask(signed_in(nameless), "heron@example.org")

    assert logs_in("heron@example.org") == older


def test_an_earlier_reset_link_expires_with_the_address(signed_in: SignIn, alice: User) -> None:
    Client().post("/accounts/password/reset/", {"email": "alice@example.org"})
    found = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
    assert found is not None

    ask(signed_in(alice), "")

    assert "This link no longer works" in Client().get(found[1]).content.decode()
