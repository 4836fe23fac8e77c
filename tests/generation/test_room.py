"""A full log: new runs are refused, live runs end, and a run whose log was dropped still gets a response."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import groupby
from typing import Any

import pytest

from chat import database
from chat.models import Message
from chat.protocol.errors import ApiError
from chat.protocol.events import answer
from chat.providers.base import Finish, Incomplete, ReasoningDelta, StatusDelta, TextDelta
from chat.streams.base import ROOM_BYTES, Budget
from chat.streams.memory import MemoryLog
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)

# One piece: larger than the room that a log reserves for a new run.
LONG = "a" * 100_000


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig(MemoryLog(budget=Budget(total=6 * ROOM_BYTES, per_owner=5 * ROOM_BYTES))) as made:
        yield made


@pytest.fixture
async def roomy(transactional_db: None) -> AsyncIterator[Rig]:
    """Control: a log with room for everything."""
    async with rig() as made:
        yield made


async def saved(run_id: str) -> Message | None:
    return await database.read(Message.objects.filter(run_id=run_id, role="assistant").first)


async def ended(chat: Rig, run_id: str) -> Any:
    return (await chat.events(run_id))[-1]


async def test_an_answer_out_of_room_is_saved_as_truncated(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say(*[LONG] * 10)
    chat.provider.finish()
    entries = await chat.events(sent.run_id)
    message = await saved(sent.run_id)
    assert message is not None
    assert (entries[-1].name, entries[-1].data["finish_reason"]) == ("done", "length")
    assert entries[-1].data["characters"] == len(message.text)
    # More text may have arrived than the log accepted; none of it is lost.
    assert answer(entries) == message.text[: len(answer(entries))]
    assert 2 * len(LONG) <= len(message.text) < 10 * len(LONG)
    assert chat.provider.open == 0


async def test_an_answer_out_of_room_can_be_continued(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say(*[LONG] * 10)
    await ended(chat, sent.run_id)
    message = await saved(sent.run_id)
    assert message is not None
    # Drop the rest of the model's script.
    while not chat.provider._script.empty():
        chat.provider._script.get_nowait()
    again = await chat.again(continue_id=str(message.pk))
    assert (await ended(chat, again.run_id)).name == "done"


async def test_with_room_the_same_answer_is_complete(roomy: Rig) -> None:
    sent = await roomy.send()
    roomy.provider.say(*[LONG] * 10)
    roomy.provider.finish()
    assert (await ended(roomy, sent.run_id)).data["characters"] == 10 * len(LONG)


async def test_an_answer_without_room_for_its_thoughts_ends_with_an_error(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(*[ReasoningDelta(LONG)] * 10)
    last = await ended(chat, sent.run_id)
    assert (last.name, last.data["code"], last.data["retryable"]) == ("error", "unavailable", True)
    assert "no room" in last.data["message"]
    assert await saved(sent.run_id) is None
    assert await chat.send()


async def test_status_lines_of_a_server_are_bounded_too(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(*[StatusDelta(LONG, "thinking")] * 1000)
    assert (await ended(chat, sent.run_id)).data["code"] == "unavailable"


async def test_an_answer_that_fails_without_room_still_ends(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(*[TextDelta(LONG)] * 4, Incomplete("It broke off."))
    last = await ended(chat, sent.run_id)
    assert last.name in {"done", "error"}


async def test_a_send_without_room_is_refused_before_it_starts(chat: Rig, settings: Any) -> None:
    settings.CHAT_LIVE_RUNS_PER_USER = 100
    live = [await chat.send() for _ in range(4)]
    with pytest.raises(ApiError) as refused:
        await chat.send()
    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("too_many_runs", 429, 5)
    assert "room" in refused.value.message
    assert len(await chat.engine.log.runs_of(chat.alice.pk)) == len(live)
    await chat.engine.stop(chat.alice.pk, live[0].run_id)
    await ended(chat, live[0].run_id)
    assert await chat.send()


async def test_a_long_message_counts_with_its_memory_size(chat: Rig) -> None:
    """Python stores a string with four bytes per character as soon as one character needs four."""
    sent = await chat.send("a" * 100_000)
    await chat.send("a" * 100_000)
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    await ended(chat, sent.run_id)
    with pytest.raises(ApiError) as refused:
        await chat.send("\U0001f426" + "a" * 99_999)
    assert refused.value.code == "too_many_runs"


async def test_a_saved_run_whose_log_was_dropped_is_answered_from_the_database(chat: Rig) -> None:
    key = str(uuid.uuid4())
    first = await chat.turn("One", LONG, client_message_id=key)
    before = (await chat.engine.log.find(first.run_id)).cursor  # type: ignore[union-attr]
    for _ in range(6):
        await chat.turn("More", LONG)
    info = await chat.engine.log.find(first.run_id)
    assert info is not None
    assert not info.has_log
    entries = await chat.events(first.run_id)
    assert [entry.name for entry in entries] == ["start", "token", "done"]
    assert answer(entries) == LONG
    assert (await chat.events(first.run_id, before))[0].name == "reset"
    again = await chat.send("One", client_message_id=key)
    assert (again.duplicate, again.run_id) == (True, first.run_id)
    assert (await chat.engine.keep(chat.alice.pk, first.run_id)).text == LONG


async def test_a_failed_run_with_a_dropped_log_is_not_restarted(chat: Rig) -> None:
    key = str(uuid.uuid4())
    first = await chat.send("One", client_message_id=key)
    chat.provider.put(TextDelta(LONG), Incomplete("It broke off."))
    await ended(chat, first.run_id)
    for _ in range(6):
        sent = await chat.send("More")
        chat.provider.put(TextDelta(LONG), Incomplete("It broke off."))
        await ended(chat, sent.run_id)
    asked = len(chat.provider.requests)
    again = await chat.send("One", client_message_id=key)
    assert (again.duplicate, again.run_id, len(chat.provider.requests)) == (True, first.run_id, asked)
    start, last = await chat.events(first.run_id)
    assert (start.name, start.data["user_message"]["text"]) == ("start", "One")
    assert (last.name, last.data["code"]) == ("error", "incomplete")
    # Other users cannot find it.
    with pytest.raises(ApiError) as refused:
        await chat.engine.find(chat.charlie.pk, first.run_id)
    assert refused.value.code == "not_found"
    with pytest.raises(ApiError) as refused:
        await chat.engine.keep(chat.alice.pk, first.run_id)
    assert refused.value.code == "not_found"


async def test_a_slow_reader_of_a_run_whose_log_is_dropped_gets_the_rest(chat: Rig) -> None:
    first = await chat.turn("One", LONG)
    run = await chat.engine.find(chat.alice.pk, first.run_id)
    async with asyncio.timeout(20), aclosing(chat.engine.follow(run, None, limit=5_000)) as batches:
        await anext(batches)
        for _ in range(6):
            await chat.turn("More", LONG)
        rest = [entry async for batch in batches for entry in batch.entries]
    assert [name for name, _ in groupby(entry.name for entry in rest)] == ["reset", "start", "token", "done"]
    assert answer(rest) == LONG


async def test_thirty_long_answers_of_one_user_leave_the_log_within_its_budget(chat: Rig, settings: Any) -> None:
    settings.CHAT_SENDS_PER_MINUTE = 30
    for _ in range(30):
        sent = await chat.send()
        chat.provider.put(TextDelta(LONG), TextDelta(LONG), Finish("stop"))
        assert (await ended(chat, sent.run_id)).data["characters"] == 2 * len(LONG)
    log = chat.engine.log
    assert isinstance(log, MemoryLog)
    assert sum(run.size for run in log._runs.values()) <= 5 * ROOM_BYTES


# --- Limits for all users together


@pytest.mark.parametrize(
    ("setting", "words"), [("CHAT_LIVE_RUNS", "writing as many"), ("CHAT_RUNS_PER_MINUTE", "more messages")]
)
async def test_an_overloaded_site_says_so(roomy: Rig, settings: Any, setting: str, words: str) -> None:
    setattr(settings, setting, 1)
    sent = await roomy.send()
    with pytest.raises(ApiError) as refused:
        await roomy.send()
    assert (refused.value.code, refused.value.status, refused.value.retryable) == ("unavailable", 503, True)
    assert 0 < (refused.value.retry_after or 0) <= 60
    assert words in refused.value.message
    assert "you" not in refused.value.message.lower()
    # Sending it again does not create a second message. With a limit of two, a second message is accepted.
    assert (await roomy.send(client_message_id=sent.client_message_id)).duplicate
    setattr(settings, setting, 2)
    assert await roomy.send()
