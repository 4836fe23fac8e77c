from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from chat.models import User
from tests.cast import make_conversation

SignIn = Callable[[User], Client]
# The API reads on threads of its own.
pytestmark = pytest.mark.django_db(transaction=True)
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
    assert list(answers) == ["/conversations", "/conversations?pinned=1", path, f"{path}/messages?branch=active"]
    assert [each["text"] for each in answers[f"{path}/messages?branch=active"]["items"]] == [
        "A bird.",
        "What is a heron?",
    ]
    for address, answer in answers.items():
        assert answer == client.get(f"/api{address}").json()


def test_a_new_chat_comes_with_the_list_alone(signed_in: SignIn, alice: User) -> None:
    assert list(answers_of(signed_in(alice), "/")) == ["/conversations", "/conversations?pinned=1"]


def test_nothing_of_anybody_else_is_in_it(signed_in: SignIn, alice: User, charlie: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    client = signed_in(charlie)

    assert answers_of(client, "/")["/conversations"]["items"] == []
    assert client.get(f"/c/{conversation.pk}").status_code == 404


def test_where_one_message_is_asked_for_the_end_is_not_sent(signed_in: SignIn, alice: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.", title="Herons")
    message = conversation.messages.first()

    answers = answers_of(signed_in(alice), f"/c/{conversation.pk}?message={message.pk}")

    assert list(answers) == ["/conversations", "/conversations?pinned=1"]


def test_what_a_message_says_cannot_end_the_element_it_is_sent_in(signed_in: SignIn, alice: User) -> None:
    text = "</script><script>alert(1)</script><!--"
    conversation = make_conversation(alice, text, text, title=text)

    response = signed_in(alice).get(f"/c/{conversation.pk}")

    assert text not in response.content.decode()
    answers = answers_of(signed_in(alice), f"/c/{conversation.pk}")
    assert answers[f"/conversations/{conversation.pk}"]["title"] == text
