"""Input that is too long is refused before it is hashed, looked up or counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.accounts.limits import LOGIN_CHARACTERS, PASSWORD_CHARACTERS, MaximumLengthValidator
from chat.models import User
from tests.cast import PASSWORD

SignIn = Callable[[User], Client]
MEBIBYTE = "x" * 1024 * 1024
LONG = "p" * (PASSWORD_CHARACTERS + 1)


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("login/", {"login": "alice", "password": MEBIBYTE}),
        ("login/", {"login": MEBIBYTE, "password": PASSWORD}),
        ("login/", {"login": "a" * (LOGIN_CHARACTERS + 1), "password": PASSWORD}),
        ("signup/", {"username": MEBIBYTE, "password1": PASSWORD, "password2": PASSWORD}),
        ("signup/", {"username": "dora", "password1": MEBIBYTE[::2], "password2": MEBIBYTE[::2]}),
        ("signup/", {"username": "dora", "email": f"{'a' * 100_000}@example.org", "password1": PASSWORD,
                     "password2": PASSWORD}),
        ("password/reset/", {"email": f"{'a' * 100_000}@example.org"}),
    ],
)  # fmt: skip
def test_overlong_input_of_a_visitor_is_not_hashed(
    alice: User, hashed: list[int], address: str, sent: dict[str, str]
) -> None:
    hashed.clear()
    with CaptureQueriesContext(connection) as queries:
        response = Client().post(f"/accounts/{address}", sent)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert hashed == []
    assert max((len(query["sql"]) for query in queries), default=0) < 10_000
    assert User.objects.get() == alice
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("password/change/", {"oldpassword": MEBIBYTE, "password1": LONG, "password2": LONG}),
        ("reauthenticate/", {"password": MEBIBYTE}),
    ],
)  # fmt: skip
def test_overlong_input_of_a_user_is_not_hashed(
    signed_in: SignIn, alice: User, hashed: list[int], address: str, sent: dict[str, str]
) -> None:
    client = signed_in(alice)
    hashed.clear()

    response = client.post(f"/accounts/{address}", sent)

    assert response.context["form"].errors
    assert hashed == []


def test_control_a_password_of_maximum_length_is_hashed(alice: User, hashed: list[int]) -> None:
    hashed.clear()

    Client().post("/accounts/login/", {"login": "alice", "password": "p" * PASSWORD_CHARACTERS})

    assert hashed == [PASSWORD_CHARACTERS]


def test_a_password_too_long_to_log_in_is_refused(signed_in: SignIn, admin: User, alice: User) -> None:
    sent: dict[str, Any] = {"usable_password": "true", "password1": LONG, "password2": LONG}

    assert signed_in(admin).post(f"/admin/chat/user/{alice.pk}/password/", sent).status_code == 200
    assert (
        signed_in(alice)
        .post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": LONG, "password2": LONG})
        .context["form"]
        .errors
    )
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    MaximumLengthValidator().validate("p" * PASSWORD_CHARACTERS)
    with pytest.raises(ValidationError):
        MaximumLengthValidator().validate(LONG)


def test_overlong_input_does_not_count_as_an_attempt(alice: User) -> None:
    for _ in range(6):
        Client().post("/accounts/login/", {"login": "alice", "password": LONG})
    client = Client()

    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

    assert "_auth_user_id" in client.session


def test_forms_are_limited_before_anything_is_hashed(alice: User, hashed: list[int]) -> None:
    hashed.clear()
    statuses = [Client().post("/accounts/login/", {"login": "alice", "password": "x"}).status_code for _ in range(32)]

    assert statuses == [200] * 30 + [429] * 2
    assert len(hashed) == 5
