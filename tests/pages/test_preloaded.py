from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from chat import database
from chat.models import User
from chat.pages.preloaded import ROOM
from tests.cast import add_turn, make_conversation, sign_in

SignIn = Callable[[User], Client]
# The API reads in threads of its own.
pytestmark = pytest.mark.django_db(transaction=True)
ALWAYS = ["/conversations", "/conversations?pinned=1", "/runs?unanswered=1"]
ANSWERS = re.compile(r'<script id="chat-answers" type="application/json">(.*?)</script>')


def answers_of(client: Client, address: str) -> dict[str, Any]:
    found = ANSWERS.search(client.get(address).content.decode())
    assert found is not None
    answers: dict[str, Any] = json.loads(found[1])
    return answers


def test_a_conversation_page_contains_the_first_api_responses(signed_in: SignIn, alice: User) -> None:
    client = signed_in(alice)
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    pinned = make_conversation(alice, "And an egret?", "One, too.", title="Egrets")
    alice.conversations.filter(pk=pinned.pk).update(is_pinned=True)

    answers = answers_of(client, f"/c/{conversation.pk}")

    path = f"/conversations/{conversation.pk}"
    assert list(answers) == [*ALWAYS, path, f"{path}/messages?branch=active"]
    assert [each["text"] for each in answers[f"{path}/messages?branch=active"]["items"]] == [
        "A bird.",
        "What is a heron?",
    ]
    for address, answer in answers.items():
        assert answer == client.get(f"/api{address}").json()


def test_a_new_chat_contains_only_the_list(signed_in: SignIn, alice: User) -> None:
    assert list(answers_of(signed_in(alice), "/")) == ALWAYS


def test_the_page_contains_no_data_of_other_users(signed_in: SignIn, alice: User, charlie: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    client = signed_in(charlie)

    assert answers_of(client, "/")["/conversations"]["items"] == []
    assert client.get(f"/c/{conversation.pk}").status_code == 404


def test_a_link_to_a_message_does_not_preload_the_end(signed_in: SignIn, alice: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    message = conversation.messages.first()

    answers = answers_of(signed_in(alice), f"/c/{conversation.pk}?message={message.pk}")

    assert list(answers) == ALWAYS


@pytest.mark.parametrize("size", [ROOM, ROOM + 1, 1024 * 1024])
def test_a_long_message_is_preloaded_only_within_the_limit(signed_in: SignIn, alice: User, size: int) -> None:
    conversation = make_conversation(alice, "x" * 400_000, "y" * size, title="Long")
    client = signed_in(alice)

    response = client.get(f"/c/{conversation.pk}")

    address = f"/conversations/{conversation.pk}/messages?branch=active"
    answers = answers_of(client, f"/c/{conversation.pk}")
    assert len(response.content) < ROOM + 100_000
    assert (address in answers) is (size <= ROOM)
    asked = client.get(f"/api{address}").json()
    assert [len(each["text"]) for each in asked["items"]] == [size]
    assert asked["next"]
    if size <= ROOM:
        assert answers[address] == asked


def test_the_end_of_a_long_conversation_is_preloaded(signed_in: SignIn, alice: User) -> None:
    conversation = make_conversation(alice, "first", "x" * 100_000, title="Long")
    for _ in range(9):
        add_turn(conversation, "more", "x" * 100_000, parent=conversation.active_leaf)
    client, path = signed_in(alice), f"/conversations/{conversation.pk}/messages"

    answer = answers_of(client, f"/c/{conversation.pk}")[f"{path}?branch=active"]

    assert [len(each["text"]) for each in answer["items"]] == [100_000, 4, 100_000, 4]
    older = client.get(f"/api{path}?branch=active&cursor={answer['next']}").json()
    assert len(older["items"][0]["text"]) == 100_000
    assert older["previous"]


async def test_too_many_concurrent_pages_are_refused_with_retry_after(
    async_client: AsyncClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Even on a slow machine: what is refused here is the number of waiting requests, not their waiting time.
    monkeypatch.setattr(database, "ANSWER_SECONDS", 600)
    await sync_to_async(sign_in)(alice, async_client)
    await database.pages.take(alice.pk, seconds=60)
    try:
        waiting = [asyncio.create_task(async_client.get("/")) for _ in range(database.pages.waiting + 1)]
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        [refused] = [each.result() for each in done]
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "1"
    finally:
        database.pages.give_back(alice.pk)
    assert {each.status_code for each in await asyncio.gather(*waiting)} == {200}


def test_message_text_cannot_close_the_script_element(signed_in: SignIn, alice: User) -> None:
    text = "</script><script>alert(1)</script><!--"
    conversation = make_conversation(alice, text, text, title=text)

    response = signed_in(alice).get(f"/c/{conversation.pk}")

    assert text not in response.content.decode()
    answers = answers_of(signed_in(alice), f"/c/{conversation.pk}")
    assert answers[f"/conversations/{conversation.pk}"]["title"] == text
