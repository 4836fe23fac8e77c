from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import Group
from django.test import AsyncClient, Client
from django.utils import translation
from django.utils.translation import gettext
from pytest_django import Settings

from chat.models import Assistant, Conversation, Suggestion, User
from chat.models.suggestion import DEFAULTS
from chat.providers.base import RateLimited
from tests.cast import issue_token, make_admin, make_conversation, make_user, sign_in
from tests.chat_rig import rig

SignIn = Callable[[User], Client]

UNKNOWN = "0198f2a4-5d3b-7c11-9a52-6f1f3a9be000"


def config_of(response: Any) -> dict[str, Any]:
    found = re.search(r'<script id="chat-config" type="application/json">(.*?)</script>', response.content.decode())
    assert found is not None
    config: dict[str, Any] = json.loads(found[1])
    return config


async def page_of(user: User, address: str) -> Any:
    client = await sync_to_async(sign_in)(user, AsyncClient())
    return await client.get(address)


# --- A new conversation


def suggest() -> None:
    """Add the suggestions of a new site, even if other tests have emptied the tables."""
    Suggestion.objects.all().delete()
    import_module("chat.migrations.0005_suggestion").suggest(apps, None)


def test_alice_gets_the_chat(signed_in: SignIn, alice: User, settings: Settings) -> None:
    suggest()
    Assistant.objects.create(name="Demo", slug="demo", provider="demo", model="demo-1", description="Try it.")

    response = signed_in(alice).get("/")

    assert response.status_code == 200
    assert config_of(response) == {
        "user": {"id": alice.pk, "username": "alice"},
        "conversation_id": None,
        "assistants": [
            {
                "slug": "demo",
                "name": "Demo",
                "description": "Try it.",
                "provider": "demo",
                "model": "demo-1",
                "default": True,
                "demo": True,
                "tools": False,
            }
        ],
        "model_problems": [],
        "suggestions": [{"title": title, "text": text} for title, text in DEFAULTS],
        "limits": {"message_characters": settings.CHAT_MESSAGE_CHARACTERS},
        "signup": True,
        "is_staff": False,
    }


def test_a_new_site_offers_its_suggestions_in_the_readers_language(signed_in: SignIn, alice: User) -> None:
    suggest()
    client = signed_in(alice)
    offered = [row["title"] for row in config_of(client.get("/"))["suggestions"]]
    assert offered == [title for title, _ in DEFAULTS]

    client.cookies["language"] = "de"
    with translation.override("de"):
        expected = [gettext(title) for title, _ in DEFAULTS]
    assert [row["title"] for row in config_of(client.get("/"))["suggestions"]] == expected


def test_the_page_offers_the_administrators_suggestions(signed_in: SignIn, alice: User) -> None:
    Suggestion.objects.all().delete()
    Suggestion.objects.create(title="Second", text="2", position=2)
    Suggestion.objects.create(title="<b>First</b>", text='"1" & more', position=1)
    Suggestion.objects.create(title="Hidden", text="3", is_active=False)

    response = signed_in(alice).get("/")

    assert config_of(response)["suggestions"] == [
        {"title": "<b>First</b>", "text": '"1" & more'},
        {"title": "Second", "text": "2"},
    ]
    page = response.content.decode()
    assert 'data-prompt="&quot;1&quot; &amp; more"' in page
    assert "&lt;b&gt;First&lt;/b&gt;" in page
    assert "Hidden" not in page


def test_the_page_lists_only_assistants_available_to_the_user(signed_in: SignIn, bob: User, charlie: User) -> None:
    group = Group.objects.create(name="friends")
    bob.groups.add(group)
    for name in ("Open", "Closed"):
        Assistant.objects.create(name=name, slug=name.lower(), provider="openai", model="m", instructions="SECRET")
    Assistant.objects.get(name="Closed").groups.add(group)

    shown = {
        user.username: [assistant["name"] for assistant in config_of(signed_in(user).get("/"))["assistants"]]
        for user in (bob, charlie)
    }

    assert shown == {"bob": ["Closed", "Open"], "charlie": ["Open"]}
    assert b"SECRET" not in signed_in(bob).get("/").content


def test_a_hostile_name_is_escaped(signed_in: SignIn, db: None) -> None:
    hostile = "</script><script>__x=1</script>"
    mallory = make_user("mallory")
    User.objects.update(username=hostile)
    Assistant.objects.create(name=hostile, slug="x", provider="demo", model=hostile, description=hostile)

    response = signed_in(mallory).get("/")

    assert hostile not in response.content.decode()
    assert config_of(response)["user"]["username"] == hostile
    assert config_of(response)["assistants"][0]["name"] == hostile


def test_the_page_is_not_cached(signed_in: SignIn, alice: User) -> None:
    response = signed_in(alice).get("/")

    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]


@pytest.mark.parametrize("address", ["/", f"/c/{UNKNOWN}"])
def test_anonymous_users_are_redirected_to_log_in_and_back(client: Client, alice: User, address: str) -> None:
    response = client.get(address)

    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("address", ["/", f"/c/{UNKNOWN}"])
def test_on_a_site_without_users_they_are_redirected_to_setup(client: Client, db: None, address: str) -> None:
    assert client.get(address)["Location"] == "/setup/"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_pages_accept_only_get(signed_in: SignIn, alice: User, method: str) -> None:
    client = signed_in(alice)

    assert getattr(client, method)("/").status_code == 405
    assert getattr(client, method)(f"/c/{UNKNOWN}").status_code == 405


def test_a_disabled_account_loses_access_immediately(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)
    User.objects.update(is_active=False)

    assert client.get("/").status_code == 302


def test_an_api_token_opens_no_page(client: Client, alice: User) -> None:
    secret = issue_token(alice)

    assert client.get("/", headers={"Authorization": f"Bearer {secret}"}).status_code == 302


# --- A conversation


def test_alice_opens_her_conversation(signed_in: SignIn, conversation: Conversation) -> None:
    response = signed_in(conversation.owner).get(f"/c/{conversation.pk}")

    assert response.status_code == 200
    assert config_of(response)["conversation_id"] == str(conversation.pk)


def test_a_deleted_conversation_is_not_found_until_restored(signed_in: SignIn, conversation: Conversation) -> None:
    client, address = signed_in(conversation.owner), f"/c/{conversation.pk}"
    conversation.delete_softly()
    assert client.get(address).status_code == 404

    conversation.restore()

    assert client.get(address).status_code == 200


@pytest.mark.parametrize("bad", ["1", "x", "..", "c", f"{UNKNOWN}/x", UNKNOWN[:-1]])
def test_an_invalid_id_is_not_found(signed_in: SignIn, alice: User, bad: str) -> None:
    assert signed_in(alice).get(f"/c/{bad}").status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_charlie_cannot_distinguish_alices_conversation_from_none() -> None:
    async with rig() as it:
        hers = await sync_to_async(make_conversation)(it.alice, "CANARY", "CANARY")

        theirs = await page_of(it.charlie, f"/c/{hers.pk}")
        nothing = await page_of(it.charlie, f"/c/{UNKNOWN}")

        assert theirs.status_code == nothing.status_code == 404
        assert b"CANARY" not in theirs.content
        # The chat loads, so that it can offer a message that the browser kept for a conversation that was never saved.
        assert config_of(theirs) == {**config_of(nothing), "conversation_id": str(hers.pk)}
        assert (await page_of(it.alice, f"/c/{hers.pk}")).status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_an_administrator_cannot_open_a_conversation_of_another_user() -> None:
    async with rig() as it:
        hers = await sync_to_async(make_conversation)(it.alice, "CANARY", "CANARY")
        admin = await sync_to_async(make_admin)()

        assert (await page_of(admin, f"/c/{hers.pk}")).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_a_streaming_first_answer_opens_for_its_owner_only() -> None:
    async with rig() as it:
        sent = await it.send("Hello")
        assert not await Conversation.objects.aexists()

        hers = await page_of(it.alice, f"/c/{sent.conversation_id}")
        theirs = await page_of(it.charlie, f"/c/{sent.conversation_id}")

        assert (hers.status_code, theirs.status_code) == (200, 404)
        assert config_of(hers)["conversation_id"] == sent.conversation_id


@pytest.mark.django_db(transaction=True)
async def test_a_failed_first_question_opens_for_its_owner_only() -> None:
    async with rig() as it:
        sent = await it.send("Hello")
        it.provider.put(RateLimited("Too many requests.", retry_after=60))
        await it.events(sent.run_id)
        await it.engine.log.forget(sent.run_id)

        hers = await page_of(it.alice, f"/c/{sent.conversation_id}")
        theirs = await page_of(it.charlie, f"/c/{sent.conversation_id}")

        assert (hers.status_code, theirs.status_code) == (200, 404)
        assert sent.run_id in hers.content.decode()
        assert sent.run_id not in theirs.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_a_deleted_conversation_is_not_found_despite_a_logged_run() -> None:
    async with rig() as it:
        sent = await it.turn("Hello")
        conversation = await Conversation.objects.aget(pk=sent.conversation_id)
        await sync_to_async(conversation.delete_softly)()

        assert (await page_of(it.alice, f"/c/{sent.conversation_id}")).status_code == 404


# --- The icon


def test_the_favicon_redirects_to_the_icon(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    assert response["Location"] == "/static/icons/favicon.svg"
    assert client.post("/favicon.ico").status_code == 405
