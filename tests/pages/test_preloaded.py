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


def test_the_page_of_a_conversation_comes_with_what_its_scripts_ask_for_first(signed_in: SignIn, alice: User) -> None:
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


def test_a_new_chat_comes_with_the_list_alone(signed_in: SignIn, alice: User) -> None:
    assert list(answers_of(signed_in(alice), "/")) == ALWAYS


def test_nothing_of_anybody_else_is_in_it(signed_in: SignIn, alice: User, charlie: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    client = signed_in(charlie)

    assert answers_of(client, "/")["/conversations"]["items"] == []
    assert client.get(f"/c/{conversation.pk}").status_code == 404


def test_where_one_message_is_asked_for_the_end_is_not_sent(signed_in: SignIn, alice: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    message = conversation.messages.first()

    answers = answers_of(signed_in(alice), f"/c/{conversation.pk}?message={message.pk}")

    assert list(answers) == ALWAYS


@pytest.mark.parametrize("size", [ROOM, ROOM + 1, 1024 * 1024])
def test_a_long_message_comes_with_the_page_only_as_far_as_it_may(signed_in: SignIn, alice: User, size: int) -> None:
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


def test_of_a_long_conversation_the_end_comes_with_the_page(signed_in: SignIn, alice: User) -> None:
    conversation = make_conversation(alice, "first", "x" * 100_000, title="Long")
    for _ in range(9):
        add_turn(conversation, "more", "x" * 100_000, parent=conversation.active_leaf)
    client, path = signed_in(alice), f"/conversations/{conversation.pk}/messages"

    answer = answers_of(client, f"/c/{conversation.pk}")[f"{path}?branch=active"]

    assert [len(each["text"]) for each in answer["items"]] == [100_000, 4, 100_000, 4]
    older = client.get(f"/api{path}?branch=active&cursor={answer['next']}").json()
    assert len(older["items"][0]["text"]) == 100_000
    assert older["previous"]


async def test_who_asks_for_too_many_pages_at_once_is_asked_to_wait(
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


def test_what_a_message_says_cannot_end_the_element_it_is_sent_in(signed_in: SignIn, alice: User) -> None:
    text = "</script><script>alert(1)</script><!--"
    conversation = make_conversation(alice, text, text, title=text)

    response = signed_in(alice).get(f"/c/{conversation.pk}")

    assert text not in response.content.decode()
    answers = answers_of(signed_in(alice), f"/c/{conversation.pk}")
    assert answers[f"/conversations/{conversation.pk}"]["title"] == text
