"""Regenerated and continued answers to saved questions, with both stream logs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from chat import database
from chat.generation.engine import Sent
from chat.models import Assistant, Message
from chat.protocol.errors import ApiError
from chat.protocol.events import answer
from chat.providers.base import Finish, ProviderUnavailable, Recant, TextDelta
from tests.chat_rig import Rig, rig
from tests.streams.processes import Processes
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def chat(request: pytest.FixtureRequest, transactional_db: None) -> AsyncIterator[Rig]:
    if request.param == "memory":
        async with rig() as made:
            yield made
        return
    server: RedisServer = request.getfixturevalue("shared_redis")
    processes = Processes(server)
    async with rig(processes.start()) as made:
        yield made
    await processes.close()


async def saved(sent: Sent) -> Message:
    return await database.read(lambda: Message.objects.select_related("parent").get(run_id=sent.run_id))


async def cut_off(chat: Rig, text: str = "Once upon") -> Message:
    """An answer that was cut off at its length limit."""
    sent = await chat.send("Tell me a story")
    chat.provider.put(TextDelta(text), Finish("length"))
    await chat.events(sent.run_id)
    return await saved(sent)


async def code_of(chat: Rig, **fields: object) -> str:
    with pytest.raises(ApiError) as refused:
        await chat.again(**fields)
    return refused.value.code


async def count() -> int:
    return await database.read(Message.objects.count)


async def test_recanting_a_continuation_keeps_its_beginning(chat: Rig) -> None:
    first = await cut_off(chat)
    sent = await chat.again(continue_id=str(first.pk))
    chat.provider.put(TextDelta("I go on."), Recant(), TextDelta(" a time."), Finish("stop"))
    assert answer(await chat.events(sent.run_id)) == "Once upon a time."
    assert (await saved(sent)).text == "Once upon a time."


async def test_regenerating_adds_an_answer_but_no_question(chat: Rig) -> None:
    first = await saved(await chat.turn("What is a heron?", "A bird."))
    deeper = await chat.turn("And a crane?", "Also.", conversation_id=str(first.conversation_id))

    sent = await chat.again(regenerate_id=str(first.parent_id))
    chat.provider.say("A wader.")
    assert await count() == 4
    chat.provider.finish()
    entries = await chat.events(sent.run_id)

    assert [entry.name for entry in entries] == ["start", "token", "done"]
    assert entries[0].data["user_message"] == {
        "id": str(first.parent_id), "text": "What is a heron?", "parent_id": None, "attachments": [],
    }  # fmt: skip
    assert "continues" not in entries[0].data
    message = await saved(sent)
    assert (message.text, message.parent_id, message.status) == ("A wader.", first.parent_id, "completed")
    assert str(message.client_message_id) == sent.client_message_id
    assert entries[-1].data["parent_id"] == str(first.parent_id)
    assert sent.conversation_id == deeper.conversation_id
    assert await count() == 5
    conversation = await database.read(lambda: chat.alice.conversations.get())
    assert conversation.active_leaf_id == message.pk


async def test_only_messages_above_the_question_are_sent(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    second = await saved(await chat.turn("Two", "2", conversation_id=first.conversation_id))
    await chat.turn("Three", "3", conversation_id=first.conversation_id)

    sent = await chat.again(regenerate_id=str(second.parent_id))
    chat.provider.say("2b")
    chat.provider.finish()
    await chat.events(sent.run_id)

    assert [prompt.text for prompt in chat.provider.requests[-1].messages] == ["One", "1", "Two"]


async def test_a_continued_answer_is_a_sibling_of_the_truncated_one(chat: Rig) -> None:
    begun = await cut_off(chat)

    sent = await chat.again(continue_id=str(begun.pk))
    chat.provider.say(" a time.")
    chat.provider.finish()
    entries = await chat.events(sent.run_id)

    assert entries[0].data["continues"] == str(begun.pk)
    assert entries[0].data["user_message"]["id"] == str(begun.parent_id)
    assert (entries[1].name, entries[1].data["text"][:9]) == ("token", "Once upon")
    assert answer(entries) == "Once upon a time."
    assert entries[-1].data["characters"] == 17
    message = await saved(sent)
    assert (message.text, message.parent_id, message.continues_id) == ("Once upon a time.", begun.parent_id, begun.pk)
    assert (await database.read(Message.objects.get, pk=begun.pk)).text == "Once upon"
    request = chat.provider.requests[-1]
    assert (request.messages[-1].text, request.continues) == ("Tell me a story", "Once upon")


async def test_a_continuation_shows_its_beginning_first_and_stop_keeps_it(chat: Rig) -> None:
    begun = await cut_off(chat)
    sent = await chat.again(continue_id=str(begun.pk))
    async with asyncio.timeout(20):
        while answer(await chat.engine.log.entries(sent.run_id)) != "Once upon":
            await asyncio.sleep(0)
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    await chat.events(sent.run_id)
    message = await saved(sent)
    assert (message.text, message.finish_reason, message.ttft_ms) == ("Once upon", "stopped", None)

    # A stopped answer can be continued too.
    assert (await chat.again(continue_id=str(message.pk))).duplicate is False


async def test_a_continuation_that_fails_before_its_first_token_is_retried(chat: Rig) -> None:
    begun = await cut_off(chat)
    sent = await chat.again(continue_id=str(begun.pk))
    chat.provider.put(ProviderUnavailable("Not now.", retry_after=0), TextDelta(" a time."), Finish("stop"))
    entries = await chat.events(sent.run_id)
    assert answer(entries) == "Once upon a time."
    assert entries[-1].name == "done"


async def test_the_beginning_counts_towards_the_answer_limit(chat: Rig) -> None:
    begun = await cut_off(chat)
    chat.engine._runner._answer_bytes = 10
    sent = await chat.again(continue_id=str(begun.pk))
    chat.provider.say(" a time.")
    assert (await chat.events(sent.run_id))[-1].data["code"] == "output_too_long"


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("kind", ["regenerate_id", "continue_id"])
async def test_the_same_id_is_one_answer_before_during_and_after(chat: Rig, kind: str, forgotten: bool) -> None:
    begun = await cut_off(chat)
    fields = {kind: str(begun.pk if kind == "continue_id" else begun.parent_id)}
    key = str(uuid.uuid4())
    sents = await asyncio.gather(*(chat.again(**fields, client_message_id=key) for _ in range(8)))
    assert len({sent.run_id for sent in sents}) == 1
    assert sum(not sent.duplicate for sent in sents) == 1
    chat.provider.say("!")
    chat.provider.finish()
    await chat.events(sents[0].run_id)
    if forgotten:
        await chat.engine.log.forget(sents[0].run_id)
    repeated = await chat.again(**fields, client_message_id=key)
    assert (repeated.run_id, repeated.duplicate) == (sents[0].run_id, True)
    other = "continue_id" if kind == "regenerate_id" else "regenerate_id"
    crossed = {other: str(begun.pk if other == "continue_id" else begun.parent_id)}
    assert await code_of(chat, **crossed, client_message_id=key) == "conflict"
    assert await code_of(chat, text="Hello", client_message_id=key) == "conflict"
    assert (len(chat.provider.requests), await count()) == (2, 3)


@pytest.mark.parametrize("forgotten", [False, True])
async def test_the_id_of_a_message_cannot_be_reused_to_regenerate(chat: Rig, forgotten: bool) -> None:
    sent = await chat.turn()
    if forgotten:
        await chat.engine.log.forget(sent.run_id)
    question = (await saved(sent)).parent_id
    assert await code_of(chat, regenerate_id=str(question), client_message_id=sent.client_message_id) == "conflict"
    further = await chat.again(regenerate_id=str(question))
    chat.provider.say("Hello!")
    chat.provider.finish()
    await chat.events(further.run_id)
    if forgotten:
        await chat.engine.log.forget(further.run_id)
    # Sending the message again still returns its first run.
    repeated = await chat.send("Hello", client_message_id=sent.client_message_id)
    assert (repeated.run_id, repeated.duplicate) == (sent.run_id, True)


async def test_a_saved_regenerated_answer_is_replayed_from_the_database(chat: Rig) -> None:
    begun = await cut_off(chat)
    for fields in ({"continue_id": str(begun.pk)}, {"regenerate_id": str(begun.parent_id)}):
        sent = await chat.again(**fields)
        chat.provider.say(" a time.")
        chat.provider.finish()
        live = await chat.events(sent.run_id)
        await chat.engine.log.forget(sent.run_id)
        replayed = await chat.events(sent.run_id)
        assert replayed[0].data == live[0].data
        assert answer(replayed) == answer(live)
        assert replayed[-1].data == live[-1].data


async def test_partial_text_of_a_failed_continuation_can_be_kept(chat: Rig) -> None:
    begun = await cut_off(chat)
    sent = await chat.again(continue_id=str(begun.pk))
    chat.provider.put(TextDelta(" a"), None)
    assert (await chat.events(sent.run_id))[-1].data["code"] == "incomplete"
    assert await count() == 2

    kept = await chat.engine.keep(chat.alice.pk, sent.run_id)

    assert (kept.text, kept.parent_id, kept.continues_id) == ("Once upon a", begun.parent_id, begun.pk)
    assert await chat.engine.keep(chat.alice.pk, sent.run_id) == kept
    assert await count() == 3


@pytest.mark.parametrize("kind", ["regenerate_id", "continue_id"])
async def test_missing_messages_and_those_of_others_are_not_found(chat: Rig, kind: str) -> None:
    begun = await cut_off(chat)
    named = str(begun.pk if kind == "continue_id" else begun.parent_id)
    other = await chat.turn("Other")
    assert await code_of(chat, **{kind: str(uuid.uuid4())}) == "not_found"
    assert await code_of(chat, **{kind: "x"}) == "not_found"
    assert await code_of(chat, **{kind: named}, conversation_id=other.conversation_id) == "not_found"
    chat.alice, chat.charlie = chat.charlie, chat.alice
    assert await code_of(chat, **{kind: named}) == "not_found"
    chat.alice, chat.charlie = chat.charlie, chat.alice
    await database.write(lambda: begun.conversation.delete_softly())
    assert await code_of(chat, **{kind: named}) == "not_found"


async def test_messages_of_the_wrong_kind_are_a_bad_request(chat: Rig) -> None:
    complete = await saved(await chat.turn())
    begun = await cut_off(chat)
    assert await code_of(chat, regenerate_id=str(begun.pk)) == "bad_request"
    assert await code_of(chat, continue_id=str(begun.parent_id)) == "bad_request"
    assert await code_of(chat, continue_id=str(complete.pk)) == "bad_request"
    assert await code_of(chat, continue_id=str(begun.pk), regenerate_id=str(begun.parent_id)) == "bad_request"
    assert await code_of(chat, continue_id=str(begun.pk), text="x") == "bad_request"
    assert await code_of(chat, regenerate_id=str(begun.parent_id), parent_id="root") == "bad_request"


async def test_one_answer_at_a_time_in_a_conversation(chat: Rig) -> None:
    begun = await cut_off(chat)
    await chat.again(regenerate_id=str(begun.parent_id))
    assert await code_of(chat, continue_id=str(begun.pk)) == "busy"
    with pytest.raises(ApiError) as refused:
        await chat.send("More", conversation_id=str(begun.conversation_id))
    assert refused.value.code == "busy"


async def test_the_assistant_can_be_chosen(chat: Rig) -> None:
    begun = await cut_off(chat)
    await database.write(Assistant.objects.create, name="B", slug="b", provider="scripted", model="m-2")
    for fields, model in (
        ({"regenerate_id": str(begun.parent_id), "assistant": "b"}, "m-2"),
        # By now the conversation uses assistant b, but the cut-off answer is from the first one.
        ({"regenerate_id": str(begun.parent_id)}, "m-2"),
        ({"continue_id": str(begun.pk)}, "m-1"),
        ({"continue_id": str(begun.pk), "assistant": "b"}, "m-2"),
    ):
        sent = await chat.again(**fields)
        chat.provider.say("Further.")
        chat.provider.finish()
        await chat.events(sent.run_id)
        assert chat.provider.requests[-1].model == model
    assert await code_of(chat, regenerate_id=str(begun.parent_id), assistant="nobody") == "not_found"
