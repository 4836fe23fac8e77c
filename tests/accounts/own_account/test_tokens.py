"""Users create their own API tokens, see when each was last used, and revoke them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat.models import ApiToken, User
from chat.models.api_token import TOKENS_PER_USER
from tests.cast import PASSWORD

SignIn = Callable[[User], Client]
SECRET = re.compile(r"chat_[\w-]{43}")


def make(client: Client, name: str = "backup", *, lifetime: str = "90", password: str = PASSWORD) -> str:
    sent = {"name": name, "lifetime": lifetime, "password": password}
    return client.post("/accounts/tokens/", sent).content.decode()


def test_the_secret_is_shown_once_and_not_stored(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)

    (secret,) = set(SECRET.findall(make(client)))

    token = ApiToken.objects.get()
    assert ApiToken.objects.for_secret(secret) == token
    assert (token.owner, token.name) == (alice, "backup")
    again = client.get("/accounts/").content.decode()
    assert not SECRET.search(again)
    assert token.digest not in again
    assert secret not in str([session.get_decoded() for session in Session.objects.all()])


@pytest.mark.django_db(transaction=True)
def test_a_token_authenticates_requests(signed_in: SignIn, client: Client, alice: User) -> None:
    (secret,) = set(SECRET.findall(make(signed_in(alice))))

    answer = client.get("/api/conversations", headers={"Authorization": f"Bearer {secret}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(("lifetime", "days"), [("30", 30), ("90", 90), ("365", 365), ("never", None)])
def test_a_token_expires_at_the_chosen_time(signed_in: SignIn, alice: User, lifetime: str, days: int | None) -> None:
    make(signed_in(alice), lifetime=lifetime)

    expires_at = ApiToken.objects.get().expires_at
    assert (expires_at and (expires_at - timezone.now() + timedelta(minutes=1)).days) == days


@pytest.mark.django_db(transaction=True)
def test_an_expired_token_is_refused_and_no_longer_listed(signed_in: SignIn, client: Client, alice: User) -> None:
    (secret,) = set(SECRET.findall(make(signed_in(alice), "soon over")))
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    answer = client.get("/api/conversations", headers={"Authorization": f"Bearer {secret}"})

    assert answer.status_code == 401
    assert "soon over" not in signed_in(alice).get("/accounts/").content.decode()


def test_a_token_can_be_revoked(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)
    (secret,) = set(SECRET.findall(make(client)))

    shown = client.post(f"/accounts/tokens/{ApiToken.objects.get().pk}/revoke/", follow=True).content.decode()

    assert "Token revoked." in shown
    assert ApiToken.objects.for_secret(secret) is None
    assert "backup" not in shown
    assert client.post(f"/accounts/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 404


def test_users_cannot_revoke_tokens_of_others(signed_in: SignIn, alice: User, charlie: User) -> None:
    token, secret = ApiToken.objects.issue(alice)

    answers = [signed_in(charlie).post(f"/accounts/tokens/{pk}/revoke/") for pk in (token.pk, 999_999)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert ApiToken.objects.for_secret(secret) == token


def test_the_password_is_asked_for(signed_in: SignIn, alice: User) -> None:
    for password in ("", "wrong", "x" * 1_001):
        assert 'class="errorlist"' in make(signed_in(alice), password=password)

    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(("name", "lifetime"), [("", "90"), ("x" * 101, "90"), ("a", "1"), ("a", "-5"), ("a", "")])
def test_invalid_input_is_refused(signed_in: SignIn, alice: User, name: str, lifetime: str) -> None:
    assert 'class="errorlist"' in make(signed_in(alice), name, lifetime=lifetime)

    assert not ApiToken.objects.exists()


def test_the_number_of_tokens_is_limited(signed_in: SignIn, alice: User, charlie: User) -> None:
    for _ in range(TOKENS_PER_USER - 1):
        ApiToken.objects.issue(alice)
    old, _ = ApiToken.objects.issue(alice)
    client = signed_in(alice)

    assert f"You already have {TOKENS_PER_USER} tokens" in make(client)
    assert SECRET.search(make(signed_in(charlie)))

    old.revoke()
    assert SECRET.search(make(client))


def test_the_time_of_last_use_is_shown(signed_in: SignIn, alice: User) -> None:
    token, _ = ApiToken.objects.issue(alice, "backup")
    client = signed_in(alice)
    assert "Never used" in client.get("/accounts/").content.decode()

    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(days=3, minutes=1))

    assert "Last used 3\xa0days ago" in re.sub(r", \d+\s+minutes?", "", client.get("/accounts/").content.decode())
    assert token.prefix in client.get("/accounts/").content.decode()
