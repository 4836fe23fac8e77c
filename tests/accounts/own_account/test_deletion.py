"""Users can delete their account: all its rows are deleted, and running answers are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client

from chat import database
from chat.accounts.own_account import deletion
from chat.auth.credentials import user_of_session
from chat.models import ApiToken, Conversation, Message, SignIn, User
from tests.api.rig import Browser
from tests.cast import PASSWORD, issue_token, make_admin, make_conversation
from tests.chat_rig import Rig, rig
from tests.security.world import signed_in as browser_of

SignInAs = Callable[[User], Client]


def delete(client: Client, password: str = PASSWORD) -> Any:
    return client.post("/accounts/delete/", {"password": password})


@pytest.mark.django_db(transaction=True)
def test_all_rows_of_the_user_are_deleted_and_no_others(signed_in: SignInAs, alice: User, bob: User) -> None:
    for user in (alice, bob):
        make_conversation(user, "What is a heron?", "A bird.")
        ApiToken.objects.issue(user)
        EmailAddress.objects.create(user=user, email=user.email)
        signed_in(user)
    Conversation.objects.create(owner=alice, title="Deleted").delete_softly()

    answer = delete(signed_in(alice))

    assert answer.status_code == 200
    assert "Your account was deleted" in answer.content.decode()
    left = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.fields
        if field.related_model is User and model._default_manager.filter(**{field.name: alice.pk}).exists()
    }
    assert left == set()
    assert list(User.objects.all()) == [bob]
    assert (Conversation.objects.count(), Message.objects.count()) == (1, 2)
    assert (ApiToken.objects.get().owner, EmailAddress.objects.get().user) == (bob, bob)
    assert {each.owner for each in SignIn.objects.all()} == {bob}
    assert not any(each.get_decoded().get("_auth_user_id") == str(alice.pk) for each in Session.objects.all())


@pytest.mark.django_db(transaction=True)
def test_the_deleted_user_is_signed_out_everywhere(signed_in: SignInAs, alice: User, bob: User) -> None:
    elsewhere, client = signed_in(alice), signed_in(alice)

    delete(client)

    for each in (elsewhere, client):
        assert each.get("/accounts/").status_code == 302
    assert Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD}).status_code == 200


def test_the_password_is_asked_for(signed_in: SignInAs, alice: User) -> None:
    for password in ("", "wrong", "x" * 1_001):
        answer = delete(signed_in(alice), password)
        assert answer.status_code == 200
        assert 'class="errorlist"' in answer.content.decode()

    assert User.objects.filter(pk=alice.pk).exists()


def test_wrong_passwords_are_counted(signed_in: SignInAs, alice: User) -> None:
    client = signed_in(alice)
    for _ in range(5):
        delete(client, "wrong")

    assert "Too many failed" in delete(client).content.decode()
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_the_last_administrator_cannot_delete_their_account(signed_in: SignInAs, admin: User, alice: User) -> None:
    make_conversation(admin, "What is a heron?", "A bird.")
    client = signed_in(admin)
    make_admin("sleeping", is_active=False)

    shown = [client.get("/accounts/delete/"), delete(client)]

    for answer in shown:
        assert "only administrator" in answer.content.decode()
        assert 'name="password"' not in answer.content.decode()
    assert User.objects.filter(pk=admin.pk).exists()
    assert Conversation.objects.count() == 1
    assert client.get("/accounts/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_one_of_two_administrators_can_delete_their_account(signed_in: SignInAs, admin: User) -> None:
    other = make_admin("other")
    LogEntry.objects.log_actions(admin.pk, [other], 2, "Changed.", single_object=True)

    delete(signed_in(admin))

    assert list(User.objects.all()) == [other]
    assert "only administrator" in delete(signed_in(other)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_one_of_two_concurrent_administrators_stays(admin: User) -> None:
    other = make_admin("other")

    deletion._delete_user(other.pk)

    with pytest.raises(deletion.LastAdministrator):
        deletion._delete_user(admin.pk)
    assert list(User.objects.all()) == [admin]


@pytest.mark.django_db(transaction=True)
def test_many_conversations_are_deleted_in_batches(signed_in: SignInAs, alice: User) -> None:
    for number in range(deletion.CONVERSATIONS_AT_ONCE + 5):
        make_conversation(alice, f"Question {number}", "Answer")

    assert deletion._delete_conversations(alice.pk)
    assert Conversation.objects.count() == 5

    delete(signed_in(alice))
    assert not Message.objects.exists()


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def submit(browser: Browser) -> Any:
    form = urlencode({"password": PASSWORD, "csrfmiddlewaretoken": browser.csrf}).encode()
    return await browser.post("/accounts/delete/", form, content_type="application/x-www-form-urlencoded")


async def test_a_live_answer_is_stopped_and_not_saved(chat: Rig) -> None:
    saved = await chat.turn("One", "1")
    live = await chat.send("Two")
    await chat.provider.asked.wait()
    chat.provider.say("half an answer")

    answer = await submit(await browser_of(chat.alice))

    assert answer.status == 200
    assert b"Your account was deleted" in answer.body
    assert await chat.engine.log.runs_of(chat.alice.pk) == []
    assert [await chat.engine.log.find(run.run_id) for run in (saved, live)] == [None, None]
    assert await database.read(Message.objects.count) == 0
    assert await database.read(Conversation.objects.count) == 0


async def test_an_answer_that_does_not_stop_is_not_saved(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop request does not reach its process. When the run ends later, its owner no longer exists."""
    monkeypatch.setattr(deletion, "STOP_SECONDS", 0.2)
    await chat.send("Two")
    await chat.provider.asked.wait()
    chat.provider.say("half an answer")

    async def deaf(run_id: str) -> bool:
        return False

    monkeypatch.setattr(chat.engine.log, "request_stop", deaf)
    answer = await submit(await browser_of(chat.alice))
    chat.provider.finish()
    await chat.engine.drain()

    assert b"Your account was deleted" in answer.body
    assert await database.read(Message.objects.count) == 0
    assert await database.read(User.objects.filter(username="alice").count) == 0


async def test_their_api_tokens_are_refused_afterwards(chat: Rig) -> None:
    secret = await database.write(issue_token, chat.alice)
    browser = await browser_of(chat.alice)

    await submit(browser)

    assert (await Browser(token=secret).get("/api/conversations")).status == 401
    assert await database.read(user_of_session, browser.session) is None
    await asyncio.sleep(0)
