from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import OperationalError

from chat import database
from chat.generation.purging import Purging
from chat.generation.recorder import Recorder
from chat.generation.requests import SendRequest
from chat.models import Conversation, Message
from chat.models.turn import Turn
from chat.notices import channel
from chat.protocol.errors import ApiError
from chat.protocol.events import answer
from chat.providers.base import (
    Finish,
    Incomplete,
    ProviderUnavailable,
    RateLimited,
    ReasoningDelta,
    Recant,
    StatusDelta,
    TextDelta,
    UsageDelta,
)
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def saved(run_id: str) -> Message | None:
    return await database.read(lambda: Message.objects.select_related("parent").filter(run_id=run_id).first())


async def rows() -> int:
    return await database.read(Message.objects.count)


def names(entries: list) -> list[str]:
    return [entry.name for entry in entries]


async def test_a_turn_streams_and_is_saved_before_done(chat: Rig) -> None:
    sent = await chat.send("What is 2 + 2?")
    chat.provider.say("Fo", "ur", ".")
    chat.provider.put(UsageDelta(7, 3))
    chat.provider.finish()

    entries = await chat.events(sent.run_id)

    assert names(entries) == ["start", "token", "usage", "done"]
    assert entries[0].data["user_message"] == {"text": "What is 2 + 2?", "parent_id": None, "attachments": []}
    done = entries[-1].data
    message = await saved(sent.run_id)
    assert message is not None
    assert message.parent is not None
    assert (message.text, message.parent.text) == ("Four.", "What is 2 + 2?")
    assert done["message_id"] == str(message.pk)
    assert done["parent_id"] == str(message.parent.pk)
    assert done["characters"] == 5
    assert done["status"] == "completed"
    assert done["finish_reason"] == "stop"
    assert done["usage"] == {"input_tokens": 7, "output_tokens": 3}
    assert (message.input_tokens, message.output_tokens, message.ttft_ms) == (7, 3, done["ttft_ms"])


async def test_nothing_is_in_the_database_before_done(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say("half of ")
    await chat.provider.asked.wait()
    assert await rows() == 0
    assert await database.read(Conversation.objects.count) == 0
    chat.provider.finish()
    await chat.events(sent.run_id)
    assert await rows() == 2


async def test_the_next_message_continues_where_the_conversation_is(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    second = await chat.turn("Two", "2", conversation_id=first.conversation_id)
    assert [(prompt.role, prompt.text) for prompt in chat.provider.requests[-1].messages] == [
        ("user", "One"), ("assistant", "1"), ("user", "Two"),
    ]  # fmt: skip
    one, two = await saved(first.run_id), await saved(second.run_id)
    assert one is not None
    assert two is not None
    assert two.parent is not None
    assert two.parent.parent_id == one.pk


async def test_root_starts_a_new_branch_at_the_top(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    second = await chat.turn("Other", "2", conversation_id=first.conversation_id, parent_id="root")
    assert len(chat.provider.requests[-1].messages) == 1
    message = await saved(second.run_id)
    assert message is not None
    assert message.parent is not None
    assert message.parent.parent_id is None


async def test_the_title_is_the_first_words(chat: Rig) -> None:
    sent = await chat.turn("  Tell me\nabout the sea,  please  ")
    conversation = await database.read(Conversation.objects.get, pk=sent.conversation_id)
    assert conversation.title == "Tell me about the sea, please"


async def test_stop_keeps_the_text_so_far(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say("as far as this")
    await chat.provider.asked.wait()
    while answer(await chat.engine.log.entries(sent.run_id)) != "as far as this":
        await asyncio.sleep(0)

    assert await chat.engine.stop(chat.alice.pk, sent.run_id) is True
    entries = await chat.events(sent.run_id)

    assert entries[-1].data["status"] == "stopped"
    assert entries[-1].data["finish_reason"] == "stopped"
    assert chat.provider.open == 0
    message = await saved(sent.run_id)
    assert message is not None
    assert (message.text, message.status) == ("as far as this", "stopped")
    assert await chat.engine.stop(chat.alice.pk, sent.run_id) is False


async def test_stop_while_the_model_is_silent(chat: Rig) -> None:
    sent = await chat.send()
    await chat.provider.asked.wait()
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "done"]
    assert await rows() == 2


async def test_stopping_a_run_just_dropped_from_the_log_does_nothing(
    chat: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await chat.turn()
    find, log = chat.engine.log.find, chat.engine.log

    async def last_seen(run_id: str) -> Any:
        found = await find(run_id)
        await log.forget(run_id)
        return found

    monkeypatch.setattr(log, "find", last_seen)
    assert await chat.engine.stop(chat.alice.pk, sent.run_id) is False


async def test_the_same_id_is_one_turn_before_during_and_after(chat: Rig) -> None:
    key = str(uuid.uuid4())
    sents = await asyncio.gather(*(chat.send(client_message_id=key) for _ in range(20)))
    assert len({sent.run_id for sent in sents}) == 1
    assert sum(not sent.duplicate for sent in sents) == 1
    chat.provider.say("Hi")
    chat.provider.finish()
    await chat.events(sents[0].run_id)
    assert (await chat.send(client_message_id=key)).duplicate
    await chat.engine.log.forget(sents[0].run_id)
    again = await chat.send(client_message_id=key)
    assert (again.run_id, again.duplicate) == (sents[0].run_id, True)
    assert len(chat.provider.requests) == 1
    assert await rows() == 2


@pytest.mark.parametrize("forgotten", [False, True])
async def test_the_same_id_with_another_text_is_a_conflict(chat: Rig, forgotten: bool) -> None:
    key = str(uuid.uuid4())
    sent = await chat.turn("One", client_message_id=key)
    if forgotten:
        await chat.engine.log.forget(sent.run_id)
    with pytest.raises(ApiError) as refused:
        await chat.send("Two", client_message_id=key)
    assert refused.value.code == "conflict"


async def test_a_conversation_being_answered_is_busy(chat: Rig) -> None:
    sent = await chat.send()
    with pytest.raises(ApiError) as refused:
        await chat.send("More", conversation_id=sent.conversation_id)
    assert refused.value.code == "busy"
    assert refused.value.retryable


async def test_live_runs_are_limited(chat: Rig, settings: object) -> None:
    for _ in range(3):
        await chat.send()
    with pytest.raises(ApiError) as refused:
        await chat.send()
    assert refused.value.code == "too_many_runs"


async def test_messages_per_minute_are_limited(chat: Rig, settings: Any) -> None:
    settings.CHAT_SENDS_PER_MINUTE = 1
    sent = await chat.send()
    with pytest.raises(ApiError) as refused:
        await chat.send()
    assert refused.value.code == "rate_limited"
    assert refused.value.retryable
    assert 0 < (refused.value.retry_after or 0) <= 60
    # Sending it again does not create a second message.
    assert (await chat.send(client_message_id=sent.client_message_id)).duplicate


async def test_an_error_before_the_first_token_is_retried(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(RateLimited("Slow down.", retry_after=0), TextDelta("Here"), Finish("stop"))
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "status", "token", "done"]
    assert len(chat.provider.requests) == 2


async def test_an_error_after_the_first_token_ends_the_run_and_saves_nothing(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(TextDelta("Half"), ProviderUnavailable("It broke.", retry_after=3))
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "token", "error"]
    assert entries[-1].data == {
        "code": "provider_unavailable", "message": "It broke.", "retryable": True, "retry_after": 3,
    }  # fmt: skip
    assert len(chat.provider.requests) == 1
    assert await rows() == 0


async def test_a_long_retry_after_of_a_provider_is_not_waited_for(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(RateLimited("In an hour.", retry_after=3600))
    entries = await chat.events(sent.run_id)
    assert entries[-1].data["code"] == "rate_limited"
    assert entries[-1].data["retry_after"] == 3600


async def test_an_answer_that_just_ends_is_incomplete(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(TextDelta("Half"), None)
    assert (await chat.events(sent.run_id))[-1].data["code"] == "incomplete"


async def test_an_unexpected_failure_is_an_error_event_too(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(RuntimeError("a bug"))
    data = (await chat.events(sent.run_id))[-1].data
    assert data["code"] == "provider_error"
    assert "a bug" not in data["message"]


async def test_an_answer_that_is_too_long_is_an_error(chat: Rig, settings: object) -> None:
    sent = await chat.send()
    chat.provider.say("Before. ", "x" * 2_000_000)
    entries = await chat.events(sent.run_id)
    assert entries[-1].data["code"] == "output_too_long"
    assert answer(entries) == "Before. "
    assert chat.provider.open == 0


async def test_keep_saves_the_partial_text(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    sent = await chat.send("Two", conversation_id=first.conversation_id)
    chat.provider.put(ReasoningDelta("hm"), TextDelta("Half an answer"), Incomplete("It broke off."))
    await chat.events(sent.run_id)

    message = await chat.engine.keep(chat.alice.pk, sent.run_id)
    again = await chat.engine.keep(chat.alice.pk, sent.run_id)

    assert message.pk == again.pk
    kept = await saved(sent.run_id)
    assert kept is not None
    assert kept.parent is not None
    assert (kept.text, kept.status, kept.parent.text) == ("Half an answer", "stopped", "Two")
    third = await chat.turn("Three", "3", conversation_id=first.conversation_id)
    assert third.conversation_id == first.conversation_id
    assert [prompt.text for prompt in chat.provider.requests[-1].messages][-3:] == ["Two", "Half an answer", "Three"]


async def test_keep_of_a_live_run_is_refused(chat: Rig) -> None:
    sent = await chat.send()
    with pytest.raises(ApiError) as refused:
        await chat.engine.keep(chat.alice.pk, sent.run_id)
    assert refused.value.code == "conflict"


async def test_a_conversation_can_continue_after_a_failed_first_answer(chat: Rig) -> None:
    sent = await chat.send("One")
    chat.provider.put(Incomplete("It broke off."))
    chat.provider.put(Incomplete("It broke off."))
    chat.provider.put(Incomplete("It broke off."))
    await chat.events(sent.run_id)
    again = await chat.turn("One", "1", conversation_id=sent.conversation_id)
    assert again.conversation_id == sent.conversation_id


async def test_a_saved_run_is_answered_from_the_database(chat: Rig) -> None:
    sent = await chat.turn("Q", "A")
    before = await chat.events(sent.run_id)
    await chat.engine.log.forget(sent.run_id)
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "token", "done"]
    assert entries[-1].data == before[-1].data
    assert entries[0].data == before[0].data


async def test_a_run_of_another_user_is_never_found(chat: Rig) -> None:
    sent = await chat.send()
    for step in range(3):
        for call in (chat.engine.find, chat.engine.stop, chat.engine.keep):
            with pytest.raises(ApiError) as refused:
                await call(chat.charlie.pk, sent.run_id)
            assert refused.value.code == "not_found"
        if step == 0:
            chat.provider.say("Hi!")
            chat.provider.finish()
            await chat.events(sent.run_id)
        else:
            await chat.engine.log.forget(sent.run_id)


async def test_conversations_and_parents_of_others_are_not_found(chat: Rig) -> None:
    sent = await chat.turn()
    message = await saved(sent.run_id)
    assert message is not None
    request = {"text": "Mine now?", "conversation_id": sent.conversation_id}
    for fields in (request, {**request, "parent_id": str(message.pk)}):
        with pytest.raises(ApiError) as refused:
            await chat.engine.send(chat.charlie.pk, SendRequest.parse(fields, characters=100))
        assert refused.value.code == "not_found"
    assert await rows() == 2


async def test_a_locked_database_delays_the_save_and_loses_nothing(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    save, failures = Turn.save, [OperationalError("database is locked")] * 2

    def flaky(self: Turn) -> Message:
        if failures:
            raise failures.pop()
        return save(self)

    monkeypatch.setattr(Turn, "save", flaky)
    sent = await chat.turn()
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "token", "status", "done"]
    assert await rows() == 2


async def test_a_long_database_outage_is_save_failed_and_keep_saves_later(
    chat: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Turn.save

    def broken(self: Turn) -> Message:
        raise OperationalError("disk full")

    monkeypatch.setattr(Turn, "save", broken)
    monkeypatch.setattr(chat.engine._runner._ending, "_recorder", Recorder(patience=0))
    sent = await chat.turn("Q", "The whole answer")
    entries = await chat.events(sent.run_id)
    assert entries[-1].data["code"] == "save_failed"
    monkeypatch.setattr(Turn, "save", save)
    await chat.engine.keep(chat.alice.pk, sent.run_id)
    message = await saved(sent.run_id)
    assert message is not None
    assert message.text == "The whole answer"


async def test_closing_ends_live_runs_with_interrupted(chat: Rig) -> None:
    sent = await chat.send()
    await chat.provider.asked.wait()
    following = asyncio.create_task(chat.events(sent.run_id))
    await asyncio.sleep(0)
    await chat.engine._runner.close()
    assert (await following)[-1].data["code"] == "interrupted"
    assert await rows() == 0


async def test_a_cancelled_send_leaves_a_run_that_completes(chat: Rig) -> None:
    sending = asyncio.create_task(chat.send())
    while not await chat.engine.log.runs_of(chat.alice.pk):
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    (run,) = await chat.engine.log.runs_of(chat.alice.pk)
    chat.provider.say("Hi")
    chat.provider.finish()
    assert (await chat.events(run.run_id))[-1].name == "done"


async def test_text_invalid_for_databases_is_cleaned(chat: Rig) -> None:
    sent = await chat.send("nul \0 and half \ud83d")
    chat.provider.say("a\0b")
    chat.provider.finish()
    entries = await chat.events(sent.run_id)
    message = await saved(sent.run_id)
    assert message is not None
    assert message.parent is not None
    assert message.text == answer(entries) == "a�b"
    assert message.parent.text == "nul � and half �"


async def test_the_orphan_grace_stops_unfollowed_runs(chat: Rig) -> None:
    chat.engine._runner._orphan_grace = 0.05
    sent = await chat.send()
    chat.provider.say("unseen")
    while (run := await chat.engine.log.find(sent.run_id)) is None or run.is_live:
        await asyncio.sleep(0.01)
    message = await saved(sent.run_id)
    assert message is not None
    assert (message.status, message.finish_reason, message.text) == ("stopped", "abandoned", "unseen")


async def test_recanted_text_is_sent_as_a_thought_and_not_saved(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(TextDelta("Let me see."), Recant(), TextDelta("It is 4."), Finish("stop"))
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "token", "reset", "reasoning", "token", "done"]
    assert entries[2].data == {"attempt": 1, "reason": "thought"}
    assert entries[3].data == {"text": "Let me see."}
    assert answer(entries) == "It is 4."
    assert (await database.read(Message.objects.get, run_id=sent.run_id, role="assistant")).text == "It is 4."


async def test_endless_reasoning_is_an_error_too(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(*[ReasoningDelta("x" * 100_000)] * 11)
    assert (await chat.events(sent.run_id))[-1].data["code"] == "output_too_long"


async def test_status_lines_are_passed_on_and_do_not_prevent_a_retry(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(StatusDelta("Thinking\ud800…", "thinking"), ProviderUnavailable("Not now.", retry_after=0))
    chat.provider.put(ReasoningDelta("Hm."), StatusDelta("Writing…", "generating"), TextDelta("Yes."), Finish("stop"))
    entries = await chat.events(sent.run_id)
    assert names(entries) == ["start", "status", "status", "reasoning", "status", "reasoning", "token", "done"]
    assert entries[1].data == {"text": "Thinking\ufffd…", "state": "thinking"}
    assert entries[4].data == {"text": "Writing…", "state": "generating"}


async def test_an_empty_piece_does_not_prevent_a_retry(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.put(ReasoningDelta(""), TextDelta(""), RateLimited("Slow down.", retry_after=0))
    chat.provider.put(TextDelta("Here"), Finish("stop"))
    assert (await chat.events(sent.run_id))[-1].name == "done"


async def test_a_repeated_send_into_a_deleted_conversation_is_not_found(chat: Rig) -> None:
    key = str(uuid.uuid4())
    sent = await chat.turn(client_message_id=key)
    await chat.engine.log.forget(sent.run_id)
    await database.write(lambda: Conversation.objects.get(pk=sent.conversation_id).delete_softly())
    with pytest.raises(ApiError) as refused:
        await chat.send(client_message_id=key)
    assert refused.value.code == "not_found"


async def test_a_new_conversation_is_announced_before_done_and_after_keep(chat: Rig) -> None:
    async with channel.listen(chat.alice.pk) as heard:
        await chat.turn()
        assert [(await anext(heard))["kind"] for _ in range(3)] == [
            "run_started", "conversation_created", "run_ended",
        ]  # fmt: skip
        sent = await chat.send()
        chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))
        await chat.events(sent.run_id)
        await chat.engine.keep(chat.alice.pk, sent.run_id)
        kinds = [(await anext(heard))["kind"] for _ in range(3)]
        assert kinds == ["run_started", "run_ended", "conversation_created"]


async def test_a_draining_server_starts_no_runs(chat: Rig) -> None:
    await chat.engine.close()
    with pytest.raises(ApiError) as refused:
        await chat.send()
    assert (refused.value.code, refused.value.status) == ("draining", 503)


async def test_only_the_shown_path_goes_to_the_model(chat: Rig) -> None:
    first = await chat.turn("One", "1")
    await chat.turn("Other", "2", conversation_id=first.conversation_id, parent_id="root")
    await chat.turn("More", "3", conversation_id=first.conversation_id)
    assert [prompt.text for prompt in chat.provider.requests[-1].messages] == ["Other", "2", "More"]


async def test_a_failed_purge_is_logged_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Tracebacks for an outage would hide those of real bugs."""
    asked = asyncio.Event()

    async def away(function: object) -> None:
        asked.set()
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(database, "write", away)
    purging = Purging()
    purging.start()
    await asked.wait()
    await asyncio.sleep(0)
    await purging.close()

    [record] = [record for record in caplog.records if "purged" in record.getMessage()]
    assert record.exc_info is None
    assert record.getMessage().count("\n") == 0


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ((-1, -(10**30)), (0, 0)),
        ((3 * 10**9, 10**20), (2**31 - 1, 2**31 - 1)),
        ((float("inf"), float("nan")), (2**31 - 1, 0)),
        ((10**400, True), (2**31 - 1, 0)),
        ((12.7, "12"), (12, 0)),
        ((None, {"n": 1}), (0, 0)),
    ],
)
async def test_odd_token_counts_lose_no_answer(chat: Rig, counts: tuple[Any, Any], usage: tuple[int, int]) -> None:
    sent = await chat.send()
    chat.provider.say("Hello")
    chat.provider.put(UsageDelta(*counts), Finish("x" * 500))  # type: ignore[arg-type]

    done = (await chat.events(sent.run_id))[-1]

    message = await saved(sent.run_id)
    assert message is not None
    assert (done.name, done.data["usage"]) == ("done", {"input_tokens": usage[0], "output_tokens": usage[1]})
    assert (message.text, message.input_tokens, message.output_tokens) == ("Hello", *usage)
    assert message.finish_reason == "x" * 20
