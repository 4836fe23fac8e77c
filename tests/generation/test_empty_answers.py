"""An empty answer is an error, and the conversation continues without it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat import database
from chat.generation.engine import Sent
from chat.providers.base import EmptyAnswer, Finish, ReasoningDelta, Recant, TextDelta, ToolCalled, UsageDelta
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def stopped_at_once(chat: Rig, text: str, **fields: object) -> Sent:
    """A turn that is saved without an answer."""
    chat.provider.asked.clear()
    sent = await chat.send(text, **fields)
    await chat.provider.asked.wait()
    assert await chat.engine.stop(chat.alice.pk, sent.run_id) is True
    await chat.events(sent.run_id)
    return sent


def shown(chat: Rig) -> list[tuple[str, str]]:
    return [(prompt.role, prompt.text) for prompt in chat.provider.requests[-1].messages]


@pytest.mark.parametrize(
    "said",
    [
        [],
        [TextDelta("")],
        [TextDelta(" \n"), TextDelta("\t")],
        [ReasoningDelta("Hm.")],
        [TextDelta("Hm.\n"), Recant()],
        [UsageDelta(7, 0)],
    ],
)
@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_an_empty_answer_is_an_error_and_not_saved(chat: Rig, said: list[object], reason: str) -> None:
    sent = await chat.send()
    chat.provider.put(*said)  # type: ignore[arg-type]
    chat.provider.finish(reason)
    entries = await chat.events(sent.run_id)

    assert (entries[-1].name, entries[-1].data["code"]) == ("error", "empty_answer")
    assert entries[-1].data["retryable"] is True
    # There is no automatic retry, because the empty answer was billed.
    assert len(chat.provider.requests) == 1
    assert await database.read(chat.alice.messages.count) == 0


async def test_each_reason_has_its_own_message(chat: Rig) -> None:
    sentences = set()
    for reason in ("stop", "length", "content_filter"):
        sent = await chat.send()
        chat.provider.finish(reason)
        sentences.add((await chat.events(sent.run_id))[-1].data["message"])

    assert len(sentences) == 3


async def test_an_empty_continuation_is_an_error_too(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say("Once upon")
    chat.provider.finish("length")
    done = (await chat.events(sent.run_id))[-1]
    again = await chat.again(continue_id=done.data["message_id"])
    chat.provider.finish()

    assert (await chat.events(again.run_id))[-1].data["code"] == "empty_answer"


@pytest.mark.parametrize("error", [EmptyAnswer("Nothing."), ToolCalled("A tool.")])
async def test_billed_requests_are_not_retried_automatically(chat: Rig, error: Exception) -> None:
    sent = await chat.send()
    chat.provider.put(error)

    assert (await chat.events(sent.run_id))[-1].data["retryable"] is True
    assert len(chat.provider.requests) == 1


async def test_a_single_character_is_an_answer(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(TextDelta("\n"), TextDelta("."), Finish("stop"))

    assert (await chat.events(sent.run_id))[-1].name == "done"


async def test_unanswered_questions_are_sent_with_the_next_one(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    conversation = {"conversation_id": first.conversation_id}
    await stopped_at_once(chat, "Two", **conversation)
    await stopped_at_once(chat, "Three", **conversation)
    await chat.turn("Four", "4", **conversation)
    assert shown(chat) == [("user", "One"), ("assistant", "1"), ("user", "Two\n\nThree\n\nFour")]

    await chat.turn("Five", "5", **conversation)
    assert shown(chat)[2:] == [("user", "Two\n\nThree\n\nFour"), ("assistant", "4"), ("user", "Five")]


async def test_a_conversation_can_continue_without_a_first_answer(chat: Rig) -> None:
    first = await stopped_at_once(chat, "One")
    await chat.turn("Two", "2", conversation_id=first.conversation_id)

    assert shown(chat) == [("user", "One\n\nTwo")]
