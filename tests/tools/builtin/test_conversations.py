from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from chat import database
from chat.models import Conversation, User
from chat.rate_limit import Crowded
from chat.search import hits
from chat.tools.base import Context, Progress, Result, ToolFailed
from chat.tools.builtin.conversations import search_conversations
from chat.tools.definitions import define
from tests.cast import make_conversation
from tests.search.test_deadline import ENDLESS, answer
from tests.tools.calling import outputs

SEARCH = define(search_conversations, source="builtin")
pytestmark = pytest.mark.django_db(transaction=True)


async def search(user: User, words: str, **more: Any) -> tuple[list[Any], Result]:
    """The items shown for the hits, and the result."""
    arguments = json.dumps({"words": words, **more})
    *shown, last = await outputs(SEARCH, arguments, Context(user_id=user.pk))
    assert isinstance(last, Result)
    return [each.item for each in shown if isinstance(each, Progress)], last


@pytest.fixture
def herons(alice: User) -> Conversation:
    return make_conversation(alice, "What does a grey heron eat?", "Fish, frogs, voles.", title="Waders")


async def test_own_messages_and_titles_are_found(alice: User, herons: Conversation) -> None:
    shown, found = await search(alice, "frogs")
    answer = await herons.messages.aget(role="assistant")
    assert shown == found.value
    assert shown == [
        {
            "index": 1,
            "title": "Waders",
            "snippet": "Fish, frogs, voles.",
            "role": "assistant",
            "created_at": shown[0]["created_at"],
            "conversation_id": str(herons.pk),
            "message_id": str(answer.pk),
        }
    ]
    assert found.text == f"1. Waders ({shown[0]['created_at'][:10]})\nassistant: Fish, frogs, voles."
    _, found = await search(alice, "waders")
    assert found.text.endswith("\n(in the title)")


async def test_messages_of_others_are_not_found(bob: User, herons: Conversation) -> None:
    shown, found = await search(bob, "frogs")
    assert shown == []
    assert found.text == "No message contains all of these words."
    assert found.value == []


async def test_deleted_messages_are_not_found(alice: User, herons: Conversation) -> None:
    await Conversation.objects.filter(pk=herons.pk).aupdate(deleted_at=timezone.now())
    assert (await search(alice, "frogs"))[0] == []
    assert (await search(alice, "waders"))[0] == []


async def test_a_disabled_user_finds_nothing(alice: User, herons: Conversation) -> None:
    await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
    assert (await search(alice, "frogs"))[0] == []


async def test_hits_are_limited(alice: User, herons: Conversation) -> None:
    for number in range(10):
        await database.write(make_conversation, alice, f"Heron {number}?", "Yes.")
    assert len((await search(alice, "heron"))[0]) == 8
    # Each title repeats its question, so each conversation has two hits.
    assert len((await search(alice, "heron", limit=20))[0]) == 20
    assert [hit["index"] for hit in (await search(alice, "heron", limit=3))[0]] == [1, 2, 3]
    for limit in (0, 21):
        with pytest.raises(ToolFailed, match="`limit` must match"):
            await search(alice, "heron", limit=limit)


@pytest.mark.parametrize("words", ["", "  ", "?!"])
async def test_a_search_needs_a_word(alice: User, words: str) -> None:
    with pytest.raises(ToolFailed, match="no word") as failure:
        await search(alice, words)
    assert failure.value.code == "invalid_arguments"


async def test_a_long_query_is_refused(alice: User) -> None:
    with pytest.raises(ToolFailed, match="length <= 500"):
        await search(alice, "x" * 501)


@pytest.mark.sqlite
async def test_a_slow_search_is_aborted(alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHAT_DATABASE_SECONDS = 0.05
    # A real search takes that long only in a very large database.
    monkeypatch.setattr(hits, "find", lambda *_, **__: answer(ENDLESS))
    with pytest.raises(ToolFailed, match="too long") as failure:
        await search(alice, "frogs")
    assert failure.value.code == "timeout"


async def test_searches_of_one_user_are_queued(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        async def take(self, user_id: int, *, seconds: float) -> None:
            assert user_id == alice.pk
            raise Crowded

    monkeypatch.setattr(database, "searches", Full())
    with pytest.raises(ToolFailed, match="too many requests waiting") as failure:
        await search(alice, "frogs")
    assert failure.value.code == "failed"
