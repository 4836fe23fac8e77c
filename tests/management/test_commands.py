from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat.models import ApiToken, Conversation, User


def run(*args: str) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_it_prints_the_token_and_nothing_else(alice: User) -> None:
    printed = run("create_api_token", "alice", "--name", "backup")

    token = ApiToken.objects.get()
    assert printed == printed.strip() + "\n"
    assert len(printed.split()) == 1
    assert ApiToken.objects.for_secret(printed.strip()) == token
    assert (token.owner, token.name) == (alice, "backup")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["nobody"], "There is no user named nobody."),
        (["ALICE"], "There is no user named ALICE."),
        (["alice", "--name", "x" * 101], "The name is too long: at most 100 characters."),
    ],
)
def test_an_error_is_reported_and_creates_no_token(alice: User, args: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        run("create_api_token", *args)

    assert (str(caught.value), caught.value.returncode) == (sentence, 1)
    assert not ApiToken.objects.exists()


def test_an_inactive_account_gets_no_token(alice: User) -> None:
    User.objects.update(is_active=False)

    with pytest.raises(CommandError, match="alice is not active"):
        run("create_api_token", "alice")

    assert not ApiToken.objects.exists()


def test_purging_removes_conversations_past_restoring(conversation: Conversation, alice: User) -> None:
    Conversation.objects.update(deleted_at=timezone.now() - timedelta(days=1))
    kept = Conversation.objects.create(owner=alice, title="kept")

    assert run("purge_conversations") == "1 deleted conversation removed.\n"
    assert Conversation.objects.get() == kept
    assert run("purge_conversations") == "0 deleted conversations removed.\n"
