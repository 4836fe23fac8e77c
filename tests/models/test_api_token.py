from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chat.models import ApiToken, User


def test_a_secret_finds_its_token(alice: User) -> None:
    token, secret = ApiToken.objects.issue(alice, "backup")

    assert ApiToken.objects.for_secret(secret) == token
    assert (token.owner, token.name) == (alice, "backup")


def test_the_database_does_not_hold_the_secret(alice: User) -> None:
    token, secret = ApiToken.objects.issue(alice)

    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret.startswith(row["prefix"])
    assert not any(secret in str(value) or secret[10:] in str(value) for value in row.values())


def test_two_tokens_differ(alice: User) -> None:
    assert ApiToken.objects.issue(alice)[1] != ApiToken.objects.issue(alice)[1]


@pytest.mark.parametrize("change", [lambda s: s + "x", lambda s: s[:-1], lambda s: s.upper(), lambda s: "", str.strip])
def test_only_the_exact_secret_counts(alice: User, change: object) -> None:
    token, secret = ApiToken.objects.issue(alice)

    changed = change(secret)  # type: ignore[operator]
    assert ApiToken.objects.for_secret(changed) == (token if changed == secret else None)


@pytest.mark.parametrize("secret", ["\ud800", "\0", "é" * 50, "chat_"])
def test_odd_secrets_are_just_wrong(db: None, secret: str) -> None:
    assert ApiToken.objects.for_secret(secret) is None


def test_a_revoked_token_is_refused(alice: User) -> None:
    token, secret = ApiToken.objects.issue(alice)

    token.revoke()

    assert ApiToken.objects.for_secret(secret) is None


def test_revoking_again_keeps_the_first_time(alice: User) -> None:
    token, _ = ApiToken.objects.issue(alice)
    token.revoke()
    first = token.revoked_at

    token.revoke()

    assert token.revoked_at == first


def test_a_token_of_an_inactive_user_is_refused(alice: User) -> None:
    _, secret = ApiToken.objects.issue(alice)

    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert ApiToken.objects.for_secret(secret) is None


def test_last_use_is_recorded_but_not_on_every_request(alice: User) -> None:
    token, _ = ApiToken.objects.issue(alice)
    token.was_used()
    token.refresh_from_db()
    first = token.last_used_at

    token.was_used()

    token.refresh_from_db()
    assert token.last_used_at == first
    assert first is not None
    token.last_used_at = first - timedelta(minutes=6)
    token.was_used()
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert timezone.now() - token.last_used_at < timedelta(minutes=1)
