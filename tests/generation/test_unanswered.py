"""A question whose run has failed is kept for its owner until it is answered or dismissed."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator

import pytest
from django.db import OperationalError

from chat import database
from chat.generation import recorder
from chat.generation.engine import Sent
from chat.models import Conversation, Message, UnansweredQuestion
from chat.protocol.errors import ApiError
from chat.providers.base import ProviderUnavailable, RateLimited
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def failed(chat: Rig, text: str = "What is a heron?", **fields: object) -> Sent:
    sent = await chat.send(text, **fields)
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    await chat.events(sent.run_id)
    return sent


async def kept(chat: Rig) -> list[str]:
    return [str(each.run_id) for each in await chat.engine.unanswered(chat.alice.pk)]


async def test_a_failed_first_question_is_kept_outside_the_messages(chat: Rig) -> None:
    sent = await chat.send("What is a heron?")
    chat.provider.say("A bi")
    chat.provider.put(ProviderUnavailable("The model is away."))
    entries = await chat.events(sent.run_id)

    [question] = await database.read(lambda: list(UnansweredQuestion.objects.all()))
    assert (question.owner_id, str(question.conversation_id)) == (chat.alice.pk, sent.conversation_id)
    assert (question.text, question.parent_id) == ("What is a heron?", None)
    assert (question.assistant, question.model, question.title) == ("scripted", "m-1", "What is a heron?")
    error = entries[-1].data
    assert (question.code, question.message, question.retryable) == (
        error["code"], error["message"], error["retryable"],
    )  # fmt: skip
    assert await database.read(Message.objects.count) == await database.read(Conversation.objects.count) == 0


async def test_it_can_be_followed_after_the_log_dropped_it(chat: Rig) -> None:
    sent = await failed(chat, client_message_id=str(uuid.uuid4()))
    before = await chat.events(sent.run_id)
    await chat.engine.log.forget(sent.run_id)

    after = await chat.events(sent.run_id)

    assert [entry.name for entry in after] == ["start", "error"]
    assert after[0].data == before[0].data
    assert after[1].data == {"code": "rate_limited", "message": before[-1].data["message"], "retryable": True}


async def test_the_next_send_can_use_its_conversation(chat: Rig) -> None:
    sent = await failed(chat)
    await chat.engine.log.forget(sent.run_id)

    again = await chat.turn("What is a heron?", "A bird.", conversation_id=sent.conversation_id, parent_id="root")

    assert again.conversation_id == sent.conversation_id
    assert await kept(chat) == []
    assert await database.read(Message.objects.count) == 2


async def test_a_later_question_is_kept_below_the_answer_it_follows(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    sent = await failed(chat, "Two", conversation_id=first.conversation_id)
    await chat.engine.log.forget(sent.run_id)

    leaf = await database.read(lambda: str(Conversation.objects.get().active_leaf_id))
    assert (await chat.events(sent.run_id))[0].data["user_message"]["parent_id"] == leaf
    await chat.turn("Two", "2", conversation_id=first.conversation_id, parent_id=leaf)
    assert await kept(chat) == []


async def test_a_saved_question_is_not_kept_as_unanswered(chat: Rig) -> None:
    await chat.turn("One", "1")
    question = await database.read(lambda: str(Message.objects.get(role="user").pk))
    sent = await chat.again(regenerate_id=question)
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    await chat.events(sent.run_id)

    assert await kept(chat) == []


async def test_keeping_the_partial_answer_saves_the_question(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say("As far as this")
    chat.provider.put(ProviderUnavailable("The model is away."))
    await chat.events(sent.run_id)

    await chat.engine.keep(chat.alice.pk, sent.run_id)

    assert await kept(chat) == []


async def test_without_a_log_no_partial_answer_can_be_kept(chat: Rig) -> None:
    sent = await failed(chat)
    await chat.engine.log.forget(sent.run_id)
    with pytest.raises(ApiError) as refused:
        await chat.engine.keep(chat.alice.pk, sent.run_id)
    assert refused.value.code == "not_found"


async def test_a_closing_server_keeps_the_questions_of_its_runs(chat: Rig) -> None:
    sent = await chat.send()
    await chat.provider.asked.wait()

    await chat.engine._runner.close()

    assert await kept(chat) == [sent.run_id]


async def test_a_dismissed_question_is_removed(chat: Rig) -> None:
    sent = await failed(chat)

    with pytest.raises(ApiError) as refused:
        await chat.engine.dismiss(chat.charlie.pk, sent.run_id)
    assert refused.value.code == "not_found"
    await chat.engine.dismiss(chat.alice.pk, sent.run_id)

    assert await kept(chat) == []
    with pytest.raises(ApiError):
        await chat.engine.find(chat.alice.pk, sent.run_id)


async def test_only_failed_runs_can_be_dismissed(chat: Rig) -> None:
    saved = await chat.turn()
    archived = await chat.turn()
    await chat.engine.log.forget(archived.run_id)
    live = await chat.send()
    for run in (saved, archived, live):
        with pytest.raises(ApiError) as refused:
            await chat.engine.dismiss(chat.alice.pk, run.run_id)
        assert refused.value.code == "conflict"


async def test_the_error_does_not_wait_for_a_slow_database(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "KEEP_SECONDS", 0.05)
    slow, keep = threading.Event(), UnansweredQuestion.objects.keep

    def waits(*args: object) -> None:
        slow.wait(30)
        keep(*args)

    monkeypatch.setattr(type(UnansweredQuestion.objects), "keep", lambda self, *args: waits(*args))
    sent = await failed(chat)
    assert await kept(chat) == []
    slow.set()
    async with asyncio.timeout(30):
        while await kept(chat) != [sent.run_id]:
            await asyncio.sleep(0.01)


async def test_a_locked_database_is_retried(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, failures = UnansweredQuestion.objects.keep, [OperationalError("database is locked")] * 2

    def flaky(self: object, *args: object) -> None:
        if failures:
            raise failures.pop()
        keep(*args)

    monkeypatch.setattr(type(UnansweredQuestion.objects), "keep", flaky)
    sent = await failed(chat)
    assert await kept(chat) == [sent.run_id]
