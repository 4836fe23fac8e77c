"""Times always have the same form, even at a full second, so clients can parse them with a fixed format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from chat import database
from chat.models import Conversation, Message, UnansweredQuestion
from chat.models.serializers import time_text
from chat.notices import channel
from chat.providers.base import Incomplete, TextDelta
from tests.api.rig import Browser
from tests.chat_rig import Rig

FULL_SECOND = datetime(2026, 11, 29, 12, 0, 0, 0, UTC)
FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


def times(data: Any) -> Iterator[str]:
    """The value of every field whose name ends with `_at`."""
    if isinstance(data, dict):
        for name, value in data.items():
            if name.endswith("_at"):
                yield value
            yield from times(value)
    elif isinstance(data, list):
        for each in data:
            yield from times(each)


def at_a_full_second() -> None:
    Conversation.objects.update(created_at=FULL_SECOND, updated_at=FULL_SECOND)
    Message.objects.update(created_at=FULL_SECOND)
    UnansweredQuestion.objects.update(failed_at=FULL_SECOND)


async def test_all_objects_have_the_same_time_format(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn("heron", "A bird")
    chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))
    await owner.post("/api/runs/wait", {"text": "Hello"})
    await database.write(at_a_full_second)
    conversation = f"/api/conversations/{sent.conversation_id}"
    paths = {
        "/api/conversations": 2,
        conversation: 2,
        f"{conversation}/messages": 2,
        f"{conversation}/messages?branch=active": 2,
        "/api/search?q=heron": 3,
        "/api/runs?unanswered=1": 1,
    }

    for path, least in paths.items():
        found = list(times((await owner.get(path)).data))
        assert len(found) >= least, path
        assert set(found) == {"2026-11-29T12:00:00.000000+00:00"}, path


async def test_notices_have_the_same_time_format(chat: Rig, owner: Browser) -> None:
    sent = await chat.turn()
    await database.write(at_a_full_second)
    async with channel.listen(chat.alice.pk) as received:
        await owner.ask("PATCH", f"/api/conversations/{sent.conversation_id}", {"pinned": True})
        notice = await anext(received)

    assert notice["kind"] == "conversation_changed"
    found = list(times(notice))
    assert len(found) == 2
    assert all(FORM.fullmatch(each) for each in found)


def test_times_are_converted_to_utc() -> None:
    there = FULL_SECOND.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert time_text(there) == "2026-11-29T12:00:00.000000+00:00"
