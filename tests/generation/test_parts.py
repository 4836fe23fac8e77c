"""What a model does besides writing text is saved with its answer and replayed from the database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat import database
from chat.api.serializers import message_object
from chat.generation import replay
from chat.models import Message, Part, User
from chat.models.part import MOST, parts_of, rows_of
from chat.protocol import parts
from chat.protocol.events import Entry
from chat.protocol.objects import MessagePart
from chat.protocol.parts import Member, Reasoning, Text, ToolCall, fold, text_of
from chat.providers.base import Finish, Incomplete, ReasoningDelta, Recant, TextDelta
from tests.cast import make_conversation
from tests.chat_rig import Rig, rig


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def answer_of(chat: Rig, run_id: str) -> Message:
    saved = await database.read(replay.saved_run, chat.alice.pk, run_id)
    assert saved is not None
    return saved


def without_times(found: list[parts.Part]) -> list[parts.Part]:
    return [Reasoning(part.text, None, part.agent) if isinstance(part, Reasoning) else part for part in found]


async def thoughtful(chat: Rig) -> str:
    """The id of a run whose saved answer has two pieces of reasoning."""
    sent = await chat.send()
    chat.provider.put(ReasoningDelta("Let me "), ReasoningDelta("see."), TextDelta("First. "), ReasoningDelta("Hm."))
    chat.provider.put(TextDelta("Second."), Finish("stop"))
    await chat.events(sent.run_id)
    return sent.run_id


async def test_thoughts_are_kept_in_their_place(chat: Rig) -> None:
    saved = await answer_of(chat, await thoughtful(chat))

    kept = await database.read(parts_of, saved)
    assert without_times(kept) == [Reasoning("Let me see."), Text("First. "), Reasoning("Hm."), Text("Second.")]
    assert all(part.duration_ms is not None for part in kept if isinstance(part, Reasoning))
    assert saved.text == text_of(kept) == "First. Second."


async def test_plain_text_has_no_rows(chat: Rig) -> None:
    sent = await chat.turn(answer="Just text.")

    assert await database.read(Part.objects.count) == 0
    assert (await database.read(message_object, await answer_of(chat, sent.run_id)))["parts"] == []


async def test_the_api_returns_parts(chat: Rig) -> None:
    saved = await answer_of(chat, await thoughtful(chat))

    given: list[MessagePart] = (await database.read(message_object, saved))["parts"]
    assert [(part["kind"], part["text"]) for part in given] == [
        ("reasoning", "Let me see."),
        ("text", "First. "),
        ("reasoning", "Hm."),
        ("text", "Second."),
    ]
    assert all((part["kind"] == "reasoning") is ("duration_ms" in part) for part in given)


async def test_a_saved_run_replays_parts_from_every_cursor(chat: Rig) -> None:
    run_id = await thoughtful(chat)
    live = fold(await chat.events(run_id))
    await chat.engine.log.forget(run_id)

    told = await chat.events(run_id)
    assert [entry.name for entry in told] == ["start", "reasoning", "token", "reasoning", "token", "done"]
    assert fold(told) == live
    saved = await answer_of(chat, run_id)
    for entry in told[:-1]:
        after = replay.Cursor(replay.epoch_of(run_id), entry.seq)
        rest = [
            each for batch in [batch async for batch in replay.follow(saved, after, limit=1)] for each in batch.entries
        ]
        assert [each.seq for each in rest] == [each.seq for each in told if each.seq > entry.seq]


async def test_a_long_thought_is_replayed_in_pieces_with_its_time_last(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(ReasoningDelta("x" * 10_000), TextDelta("Yes."), Finish("stop"))
    await chat.events(sent.run_id)
    saved = await answer_of(chat, sent.run_id)

    pieces: list[Entry] = []
    async for batch in replay.follow(saved, None, limit=1):
        pieces += [entry for entry in batch.entries if entry.name == "reasoning"]
    assert "".join(piece.data["text"] for piece in pieces) == "x" * 10_000
    assert len(pieces) > 1
    assert ["duration_ms" in piece.data for piece in pieces] == [False] * (len(pieces) - 1) + [True]


async def test_a_kept_answer_of_a_failed_run_has_parts(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(ReasoningDelta("Hm."), TextDelta("Half"), Incomplete("It broke off."))
    await chat.events(sent.run_id)

    kept = await chat.engine.keep(chat.alice.pk, sent.run_id)
    assert without_times(await database.read(parts_of, kept)) == [Reasoning("Hm."), Text("Half")]


async def test_recanted_text_is_a_thought(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(TextDelta("I wonder. "), Recant(), TextDelta("Blue."), Finish("stop"))
    told = await chat.events(sent.run_id)

    saved = await answer_of(chat, sent.run_id)
    assert await database.read(parts_of, saved) == fold(told) == [Reasoning("I wonder."), Text("Blue.")]


async def test_recanted_whitespace_is_not_a_thought(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(TextDelta(" \n"), Recant(), TextDelta("Blue."), Finish("stop"))
    told = await chat.events(sent.run_id)

    saved = await answer_of(chat, sent.run_id)
    assert await database.read(parts_of, saved) == fold(told) == [Text("Blue.")]
    assert await database.read(Part.objects.count) == 0


PARTS = [
    Text("I look. "),
    ToolCall("c1", "search", {"q": "sky\0", "deep": [{"x": "\ud800"}]}, "done", ({"index": 1},), "blue", "", 30),
    ToolCall("c2", "search", {}, "failed", message="No network.", duration_ms=3),
    Member("a1", "Ada", "completed"),
    Reasoning("Hm.", None, "a1"),
    Text("Her own.", "a1"),
    Text("Blue."),
]


@pytest.mark.django_db
def test_parts_survive_a_round_trip_through_rows(alice: User) -> None:
    conversation = make_conversation(alice, "Why?", "I look. Blue.")
    answer = conversation.messages.get(role="assistant")
    Part.objects.bulk_create(rows_of(answer, PARTS))

    found = parts_of(Message.objects.get(pk=answer.pk))
    # No database stores NUL or an unpaired surrogate.
    first, call, *others = PARTS
    assert found == [first, replaced(call), *others]
    assert text_of(found) == answer.text
    # The text is stored only once.
    assert "Blue" not in "".join(answer.parts.values_list("text", flat=True))


def replaced(call: parts.Part) -> ToolCall:
    assert isinstance(call, ToolCall)
    arguments = {"q": "sky\ufffd", "deep": [{"x": "\ufffd"}]}
    return ToolCall(call.call_id, call.tool, arguments, call.state, call.items, call.result, "", call.duration_ms)


@pytest.mark.django_db
def test_the_text_of_the_message_overrides_its_parts(alice: User) -> None:
    conversation = make_conversation(alice, "Why?", "As it is.")
    answer = conversation.messages.get(role="assistant")
    Part.objects.bulk_create(rows_of(answer, [Reasoning("Hm."), Text("As it was.")]))

    assert parts_of(Message.objects.get(pk=answer.pk)) == [Text("As it is."), Reasoning("Hm.")]


@pytest.mark.django_db
def test_an_answer_of_very_many_parts_has_few_rows(alice: User) -> None:
    """A model may alternate between thinking and writing, word by word."""
    conversation = make_conversation(alice, "Why?", "word " * MOST)
    answer = conversation.messages.get(role="assistant")
    many = [part for _ in range(MOST) for part in (Reasoning("hm ", 2), Text("word "))]

    Part.objects.bulk_create(rows_of(answer, many))
    assert parts_of(Message.objects.get(pk=answer.pk)) == [Reasoning("hm " * MOST, 2 * MOST), Text("word " * MOST)]


@pytest.mark.django_db
def test_a_message_without_rows_has_one_text_part(alice: User) -> None:
    conversation = make_conversation(alice, "Why?", "Because.")

    assert [parts_of(each) for each in conversation.messages.order_by("created_at")] == [
        [Text("Why?")],
        [Text("Because.")],
    ]
