"""Pages of long messages: how much of them is read, sent and embedded, and which threads encode the JSON."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import database
from chat.api import messages as messages_api
from chat.api import responses
from chat.models import Conversation, Message, User
from chat.models.sizes import PAGE_BYTES
from tests.api.rig import Browser
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024 * 1024
SMALL = 100


def grow(owner: User, *sizes: int, letter: str = "x") -> tuple[Conversation, list[Message]]:
    """Create a conversation with one branch, whose messages have these lengths, first to last."""
    conversation = Conversation.objects.create(owner=owner, title="Long")
    begun = timezone.now()
    messages: list[Message] = []
    for number, size in enumerate(sizes):
        message = Message(
            conversation=conversation,
            owner=owner,
            parent=messages[-1] if messages else None,
            role=Message.Role.ASSISTANT if number % 2 else Message.Role.USER,
            text=letter * size,
            created_at=begun + timedelta(seconds=number),
        )
        messages.append(message)
    Message.objects.bulk_create(messages, batch_size=10)
    conversation.active_leaf = messages[-1]
    conversation.save()
    return conversation, messages


class Pages:
    def __init__(self, owner: Browser, conversation: Conversation) -> None:
        self._owner = owner
        self._path = f"/api/conversations/{conversation.pk}/messages"

    async def get(self, query: str) -> Any:
        response = await self._owner.get(f"{self._path}?limit=200&{query}")
        assert response.status == 200
        page = response.data
        texts = [len(each["text"].encode()) for each in page["items"]]
        assert sum(texts) <= PAGE_BYTES or len(texts) == 1
        assert len(response.body) <= max(PAGE_BYTES, *texts, 0) + 1000 * len(texts) + 1000
        return page

    async def walk(self, page: Any, *, by: str = "next", query: str = "branch=active&") -> list[str]:
        """The ids of all messages from this page on, following its cursors."""
        found = [each["id"] for each in page["items"]]
        while page[by]:
            page = await self.get(f"{query}cursor={page[by]}")
            assert page["items"]
            found = found + ids(page) if by == "next" else ids(page) + found
        return found


def ids(page: Any) -> list[str]:
    return [each["id"] for each in page["items"]]


SIZES = {
    "all alike": [100_000] * 24,
    "one of a MiB among small ones": [SMALL] * 9 + [MIB] + [SMALL] * 9,
    "a MiB at both ends": [MIB, *[SMALL] * 9, MIB],
    "only large ones": [MIB] * 4,
    "just what fits": [PAGE_BYTES // 4] * 8,
    "one byte too much": [PAGE_BYTES // 2, PAGE_BYTES // 2 + 1, PAGE_BYTES // 2],
    "small ones": [SMALL] * 120,
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
async def test_bounded_pages_cover_all_messages(chat: Rig, owner: Browser, sizes: list[int]) -> None:
    conversation, messages = await database.write(lambda: grow(chat.alice, *sizes))
    newest_first = [str(each.pk) for each in reversed(messages)]
    pages = Pages(owner, conversation)

    assert await pages.walk(await pages.get(""), query="") == newest_first
    assert await pages.walk(await pages.get("branch=active")) == newest_first
    for message in (messages[0], messages[len(messages) // 2], messages[-1]):
        middle = await pages.get(f"around={message.pk}")
        assert str(message.pk) in ids(middle)
        place = newest_first.index(ids(middle)[0])
        assert await pages.walk(middle) == newest_first[place:]
        up_to_here = newest_first[: place + len(middle["items"])]
        assert await pages.walk(middle, by="previous") == up_to_here


async def test_a_page_contains_everything_that_fits(chat: Rig, owner: Browser) -> None:
    conversation, _ = await database.write(lambda: grow(chat.alice, *[SMALL] * 150))
    pages = Pages(owner, conversation)

    for query in ("", "branch=active"):
        page = await pages.get(query)
        assert (len(page["items"]), page["next"]) == (150, None)


async def test_the_limit_counts_bytes_not_characters(chat: Rig, owner: Browser) -> None:
    conversation, _ = await database.write(lambda: grow(chat.alice, *[100_000] * 8, letter="鷺"))

    assert len((await Pages(owner, conversation).get("branch=active"))["items"]) == 1


async def test_a_page_around_a_message_has_neighbours_on_both_sides(chat: Rig, owner: Browser) -> None:
    sizes = [SMALL, MIB, SMALL, SMALL, SMALL, SMALL, SMALL, PAGE_BYTES - 4 * SMALL, SMALL]
    conversation, messages = await database.write(lambda: grow(chat.alice, *sizes))

    page = await Pages(owner, conversation).get(f"around={messages[4].pk}")

    assert ids(page) == [str(each.pk) for each in reversed(messages[2:7])]
    assert page["next"]
    assert page["previous"]


async def test_messages_outside_the_page_are_not_loaded(chat: Rig, owner: Browser) -> None:
    """Of six messages of 1 MiB, a page reads one. For the others, it asks the database only for their lengths."""
    conversation, messages = await database.write(lambda: grow(chat.alice, *[MIB] * 6))
    leaf = messages[-1].pk

    def queries(read: Any) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            read()
        return [each["sql"] for each in captured if ' "chat_message"."text"' in each["sql"]]

    walks = [
        lambda: messages_api._of_all_branches(conversation, "", 200),
        lambda: messages_api._of_branch(conversation, "", 200),
        lambda: messages_api._around(conversation, str(messages[3].pk), 200),
    ]
    for walk in walks:
        [read] = await database.read(queries, walk)
        assert len([each for each in messages if each.pk.hex in read.replace("-", "")]) == 1, walk
    assert leaf


async def test_a_page_has_a_constant_number_of_queries(chat: Rig, owner: Browser) -> None:
    def queries(size: int) -> int:
        conversation, _ = grow(chat.alice, *[SMALL] * size)
        with CaptureQueriesContext(connection) as captured:
            messages_api._of_all_branches(conversation, "", 200)
        return len(captured)

    assert await database.write(queries, 50) == await database.write(queries, 3)


@pytest.mark.parametrize(
    "data",
    [
        {"items": [{"text": "é\u2028", "at": datetime(2026, 1, 2, tzinfo=UTC)}, [], {}], "next": None, "none": []},
        {},
        [],
        [1, "two", None],
        "text",
    ],
)
def test_json_encoded_item_by_item_is_the_same(data: Any) -> None:
    whole = json.dumps(data, cls=responses.DjangoJSONEncoder, ensure_ascii=False)
    assert responses.encoded(data).decode() == whole


async def test_large_json_is_not_encoded_on_the_event_loop(
    chat: Rig, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await chat.turn("Hello heron", "x" * 100_000)
    threads: list[tuple[int, str]] = []

    class Watched(responses.DjangoJSONEncoder):
        def encode(self, o: Any) -> str:
            text = super().encode(o)
            threads.append((len(text), threading.current_thread().name))
            return text

    monkeypatch.setattr(responses, "DjangoJSONEncoder", Watched)
    path = f"/api/conversations/{sent.conversation_id}/messages"
    addresses = [path, f"{path}?branch=active", "/api/conversations", "/api/search?q=heron"]
    for address in addresses:
        assert (await owner.get(address)).status == 200

    assert len(threads) >= len(addresses)
    assert all(name.startswith("db-read") for _, name in threads), threads
    assert sum(size > 100_000 for size, _ in threads) == 2
    # The control: encoding on the event loop is noticed.
    responses.encoded([{}])
    assert not threads[-1][1].startswith("db-read")


@pytest.mark.parametrize("address", ["/api/conversations/{}/messages", "/api/search?q=heron"])
async def test_large_reads_of_one_user_are_queued_and_then_refused(
    chat: Rig, owner: Browser, stranger: Browser, address: str
) -> None:
    """The test holds alice's slot, so her requests wait. Other users' requests are answered."""
    sent = await chat.turn("heron")
    mine = address.format(sent.conversation_id)
    limit = database.searches if "search" in address else database.pages
    await limit.take(chat.alice.pk, seconds=60)
    try:
        waiting = [asyncio.create_task(owner.get(mine)) for _ in range(limit.waiting + 3)]
        refused = 0
        while refused < 3:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                answer = each.result()
                assert (answer.status, answer.data["error"]["code"]) == (429, "rate_limited")
                assert answer.data["error"]["retryable"]
                assert answer.headers["retry-after"] == "1"
            refused += len(done)
            waiting = [each for each in waiting if not each.done()]
        assert (await stranger.get(mine)).status in (200, 404)
        assert (await owner.get("/api/conversations")).status == 200
        assert not any(each.done() for each in waiting)
    finally:
        limit.give_back(chat.alice.pk)
    answers = await asyncio.gather(*waiting)
    assert [each.status for each in answers] == [200] * limit.waiting


async def test_a_page_around_an_unknown_message_is_not_found(chat: Rig, owner: Browser, stranger: Browser) -> None:
    conversation, _ = await database.write(lambda: grow(chat.alice, MIB))
    path = f"/api/conversations/{conversation.pk}/messages"
    for query in ("", "?branch=active", f"?around={uuid.uuid4()}"):
        assert (await stranger.get(path + query)).status == 404
    assert json.loads((await owner.get(path)).body)["items"][0]["text"] == "x" * MIB
