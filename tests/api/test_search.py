from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from chat import database
from chat.api.pagination import cursor_at
from chat.models import Conversation, Message
from tests.api.openapi.openapi import check
from tests.api.rig import Browser
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)


async def search(browser: Browser, text: str, more: str = "") -> Any:
    response = await browser.get(f"/api/search?q={quote(text)}{more}")
    assert response.status == 200
    check(response.data, "SearchPage")
    return response.data


def joined(segments: list[dict[str, Any]]) -> str:
    return "".join(f"[{each['text']}]" if each["match"] else each["text"] for each in segments)


async def test_a_message_is_found_with_its_conversation(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn("Which <b>birds</b> wade?", "The grey heron & others.")
    [hit] = (await search(owner, "grey her"))["items"]
    conversation = (await owner.get(f"/api/conversations/{sent.conversation_id}")).data
    answer = (await owner.get(f"/api/conversations/{sent.conversation_id}/messages")).data["items"][0]
    assert hit["conversation"] == conversation
    assert (hit["message_id"], hit["role"], hit["created_at"]) == (answer["id"], "assistant", answer["created_at"])
    assert joined(hit["snippet"]) == "The [grey] [heron] & others."
    assert joined(hit["title"]) == "Which <b>birds</b> wade?"


async def test_a_nul_separates_words(chat: Rig, owner: Browser) -> None:
    await chat.turn("Hello", "a b")
    [hit] = (await search(owner, "a\0b"))["items"]
    assert joined(hit["snippet"]) == "[a] [b]"


async def test_a_very_long_word_is_highlighted_in_place(chat: Rig, owner: Browser) -> None:
    long = "k" * 130
    await chat.turn("Hello", f"the key {long} is old")
    [hit] = (await search(owner, f"{long} key"))["items"]
    assert joined(hit["snippet"]) == f"the [key] [{long}] is old"


async def test_a_title_is_found_without_a_message(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn()
    path = f"/api/conversations/{sent.conversation_id}"
    await owner.ask("PATCH", path, {"title": "Shore birds"})
    [hit] = (await search(owner, "bird"))["items"]
    assert (hit["message_id"], hit["role"], hit["snippet"]) == (None, None, [])
    assert joined(hit["title"]) == "Shore [birds]"
    assert hit["created_at"] == (await owner.get(path)).data["updated_at"]


async def test_pages_have_cursors(chat: Rig, owner: Browser) -> None:
    for number in range(3):
        await chat.turn(f"Heron {number}", "A bird.")
    seen, cursor = [], ""
    while cursor is not None:
        page = await search(owner, "heron", f"&limit=4&cursor={cursor}")
        seen += [(hit["conversation"]["id"], hit["message_id"]) for hit in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 6


async def test_only_own_undeleted_conversations_are_found(
    chat: Rig, owner: Browser, stranger: Browser, anonymous: Browser
) -> None:
    sent = await chat.turn("A heron", "Yes.")
    assert (await search(stranger, "heron"))["items"] == []
    assert (await anonymous.get("/api/search?q=heron")).status == 401
    assert (await owner.post("/api/search?q=heron")).status == 405
    assert len((await search(owner, "heron"))["items"]) == 2
    await database.write(lambda: Conversation.objects.get(pk=sent.conversation_id).delete_softly())
    assert (await search(owner, "heron"))["items"] == []


@pytest.mark.parametrize("text", ["", " ", "\0", "''", "😀", "NOT", "x" * 10_000, '"' * 3000, "\u202e", "%", "a:*"])
async def test_any_input_is_answered(chat: Rig, owner: Browser, text: str) -> None:
    await chat.turn("Hello", "there")
    assert await search(owner, text) == {"items": [], "next": None}


async def test_an_empty_query_finds_nothing(chat: Rig, owner: Browser) -> None:
    assert (await owner.get("/api/search")).data == {"items": [], "next": None}
    assert (await owner.get("/api/search?q=%ff%fe%00")).data == {"items": [], "next": None}


@pytest.mark.parametrize("query", ["cursor=x", "cursor=%00", "limit=0", "limit=201", "limit=x"])
async def test_a_bad_page_is_400(chat: Rig, owner: Browser, query: str) -> None:
    assert (await owner.get(f"/api/search?q=heron&{query}")).status == 400


async def test_a_forged_cursor_is_just_a_position(chat: Rig, owner: Browser) -> None:
    await chat.turn("Heron", "x")
    first = await database.read(Message.objects.earliest, "created_at")
    page = await search(owner, "heron", f"&cursor={cursor_at(first.created_at, uuid.UUID(int=0))}")
    assert page["items"] == []


def slow_down(**signal: Any) -> None:
    """Make the database take 20 ms to search each text, and slow nothing else down."""

    def position(text: str, word: str) -> int:
        time.sleep(0.02)
        return text.find(word) + 1

    signal["connection"].connection.create_function("INSTR", 2, position)


@pytest.mark.sqlite
@pytest.mark.parametrize(("seconds", "status"), [(0.1, 503), (600, 200)])
async def test_a_slow_search_is_aborted_with_an_error(
    chat: Rig, owner: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch, seconds: float, status: int
) -> None:
    """The second case is the control: given enough time, the same search is answered."""
    sent = await chat.turn("Hello", "there")
    await database.write(
        lambda: Message.objects.bulk_create(
            Message(conversation_id=sent.conversation_id, owner=chat.alice, role="user", text="鷺") for _ in range(100)
        )
    )
    settings.CHAT_DATABASE_SECONDS = seconds
    # Threads keep their connections. This one's is opened and closed within the test.
    reader = ThreadPoolExecutor(1)
    connection_created.connect(slow_down)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(database, "_readers", reader)
            response = await owner.get(f"/api/search?q={quote('鷺虎')}")
    finally:
        connection_created.disconnect(slow_down)
        reader.submit(lambda: connection.close()).result()
        reader.shutdown()
    assert response.status == status
    if status == 503:
        error = response.data["error"]
        assert (error["code"], error["retryable"]) == ("unavailable", True)
        assert "too long" in error["message"]
        assert response.headers["retry-after"] == "5"
    assert (await owner.get("/api/search?q=hello")).status == 200


async def test_a_hit_deep_in_a_long_message_has_its_snippet(chat: Rig, owner: Browser) -> None:
    await chat.turn("Birds?", f"{'lorem ipsum ' * 8000} a grey heron {'dolor ' * 3000}")
    [hit] = (await search(owner, "grey her"))["items"]
    assert "a [grey] [heron] dolor" in joined(hit["snippet"])


async def test_only_the_beginning_of_a_long_query_is_used(chat: Rig, owner: Browser) -> None:
    await chat.turn("heron", "A bird.")
    assert len((await search(owner, f"{'-' * 4000} heron"))["items"]) == 2
    assert (await search(owner, f"{'-' * 4096} heron"))["items"] == []
