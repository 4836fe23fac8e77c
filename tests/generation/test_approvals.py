"""A tool asks a person before it is called: the run ends, and a decision starts the one that goes on."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat import database
from chat.generation.engine import Sent
from chat.generation.replies import answers_of, decisions_of
from chat.generation.requests import SendRequest
from chat.models import Assistant, Decision, Message, SideEffect, Step, ToolPermission
from chat.models.branch import siblings
from chat.models.part import parts_of
from chat.protocol.errors import ApiError
from chat.protocol.events import Entry
from chat.protocol.parts import ToolCall, fold
from chat.providers.base import Finish, ModelOutput, OutputItems, Prompt, ProviderError, ToolResult, ToolUse
from chat.tools.base import AskPerson
from chat.tools.builtin.ask import ask_person
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)

sent_to: list[str] = []


class Gate:
    """Holds slow tools until the test opens it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()


gate = Gate()


@tool(side_effects=True)
async def send(to: str) -> str:
    """Send something."""
    sent_to.append(to)
    return f"sent to {to}"


@tool(side_effects=False)
async def look(at: str) -> str:
    """Look at something."""
    if at == "everything":
        await gate.open.wait()
    return f"saw {at}"


@tool(side_effects=False)
async def offer() -> AskPerson:
    """Offer two choices, written carelessly."""
    return AskPerson("Which one?", (" red", "blue "), allows_text=False)


TOOLS = Tools([*(define(each, source="local") for each in (send, look, offer)), define(ask_person, source="builtin")])
MODES = {"local:send": "ask", "local:look": "allow", "local:offer": "allow", "builtin:ask_person": "allow"}


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    sent_to.clear()
    gate.__init__()  # type: ignore[misc]
    async with rig(tools=TOOLS) as made:
        await Assistant.objects.all().aupdate(tools=MODES)
        yield made
        gate.open.set()


def use(number: int, name: str, /, **arguments: object) -> ToolUse:
    return ToolUse(f"c0000000{number}", name, json.dumps(arguments))


SEND = use(1, "send", to="Ann")
LOOK = use(2, "look", at="the sky")
ASK = use(3, "ask_person", question="Which one?", choices=["red", "blue"], allows_text=False)


def script(chat: Rig, *uses: ToolUse, text: str = "I try. ") -> None:
    chat.provider.say(text)
    chat.provider.put(*uses, OutputItems(({"signature": uses[0].call_id},)), Finish("tool_calls"))


def answer(chat: Rig, text: str) -> None:
    chat.provider.say(text)
    chat.provider.finish()


async def wait_for_it(chat: Rig, *uses: ToolUse) -> tuple[Message, list[Entry]]:
    """A turn that waits for a person, saved, and its events."""
    script(chat, *uses)
    sent = await chat.send("Go")
    entries = await chat.events(sent.run_id)
    return await Message.objects.select_related("parent", "conversation").aget(run_id=sent.run_id), entries


def decision(call_id: str = SEND.call_id, allow: bool = True, **fields: str) -> dict[str, Any]:
    return {"call_id": call_id, "decision": "allow" if allow else "deny", **fields}


async def decide(chat: Rig, message: Message, *decisions: dict[str, Any], user_id: int = 0, **fields: Any) -> Sent:
    body = {"decisions": [*(decisions or [decision()])], **fields}
    request = SendRequest.reply(str(message.pk), decisions_of(body), body)
    return await chat.engine.send(user_id or chat.alice.pk, request)


async def reply(chat: Rig, message: Message, text: str, call_id: str = ASK.call_id) -> Sent:
    body = {"call_id": call_id, "text": text}
    request = SendRequest.reply(str(message.pk), answers_of(body, characters=1000), body)
    return await chat.engine.send(chat.alice.pk, request)


async def answer_of(sent: Sent) -> Message:
    return await Message.objects.aget(run_id=sent.run_id)


def calls(entries: list[Entry]) -> dict[str, ToolCall]:
    return {part.call_id: part for part in fold(entries) if isinstance(part, ToolCall)}


# --- Waiting


async def test_the_run_ends_and_the_tool_is_not_called(chat: Rig) -> None:
    message, entries = await wait_for_it(chat, SEND)

    assert [entry.name for entry in entries] == ["start", "token", "tool_start", "approval_request", "done"]
    request, done = entries[3].data, entries[4].data
    assert (request["tool"], request["title"], request["arguments"]) == ("local:send", "Send", {"to": "Ann"})
    assert request["reason"] == "side_effects"
    assert (
        timedelta(days=6.9) < datetime.fromisoformat(request["expires_at"]) - datetime.now(UTC) < timedelta(days=7.1)
    )
    assert (done["status"], done["finish_reason"], done["pending"]) == ("waiting", "approval", [SEND.call_id])
    assert (message.status, message.pending, message.text) == ("waiting", [SEND.call_id], "I try. ")
    assert await database.read(parts_of, message) == fold(entries)
    assert sent_to == []


async def test_the_other_calls_of_the_turn_run(chat: Rig) -> None:
    _message, entries = await wait_for_it(chat, SEND, LOOK)

    made = calls(entries)
    assert (made[SEND.call_id].state, made[LOOK.call_id].result) == ("waiting", "saw the sky")
    assert entries[-1].data["pending"] == [SEND.call_id]


async def test_a_harmless_tool_says_that_the_administrator_wants_it(chat: Rig) -> None:
    await Assistant.objects.all().aupdate(tools={"local:look": "ask"})
    _message, entries = await wait_for_it(chat, LOOK)

    assert entries[3].data["reason"] == "policy"


async def test_stop_ends_what_waits(chat: Rig) -> None:
    script(chat, SEND, use(2, "look", at="everything"))
    sent = await chat.send("Go")
    async with asyncio.timeout(10):
        while not any(entry.name == "approval_request" for entry in await chat.engine.log.entries(sent.run_id)):
            await asyncio.sleep(0.01)
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    entries = await chat.events(sent.run_id)

    message = await answer_of(sent)
    assert (message.status, message.pending) == ("stopped", None)
    assert {part.state for part in calls(entries).values()} == {"failed"}
    with pytest.raises(ApiError, match="waits for nothing"):
        await decide(chat, message)


# --- Deciding


async def test_an_allowed_call_is_made_and_the_answer_goes_on(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND, LOOK)
    answer(chat, "Done.")
    sent = await decide(chat, message)
    entries = await chat.events(sent.run_id)

    assert sent_to == ["Ann"]
    assert entries[0].data["continues"] == str(message.pk)
    made = calls(entries)[SEND.call_id]
    assert (made.state, made.result) == ("done", "sent to Ann")
    assert made.approval is not None
    assert (made.approval["decision"], made.approval["scope"]) == ("allow", "once")
    final = await answer_of(sent)
    assert (final.text, final.status, final.pending) == ("I try. Done.", "completed", None)
    assert await database.read(parts_of, final) == fold(entries)
    assert (final.parent_id, final.continues_id) == (message.parent_id, message.pk)


async def test_the_model_sees_its_calls_and_their_results(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND, LOOK)
    answer(chat, "Done.")
    await chat.events((await decide(chat, message)).run_id)

    assert chat.provider.requests[-1].messages == (
        Prompt("user", "Go"),
        ModelOutput("I try. ", (SEND, LOOK), ({"signature": SEND.call_id},)),
        ToolResult(SEND.call_id, "send", "sent to Ann"),
        ToolResult(LOOK.call_id, "look", "saw the sky"),
    )


async def test_a_denied_call_is_not_made(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "I see.")
    sent = await decide(chat, message, decision(allow=False, note="Not today."))
    made = calls(await chat.events(sent.run_id))[SEND.call_id]

    assert sent_to == []
    assert (made.state, made.code) == ("failed", "denied")
    assert made.approval is not None
    assert made.approval["note"] == "Not today."
    [result] = [each for each in chat.provider.requests[-1].messages if isinstance(each, ToolResult)]
    assert (result.text, result.is_error) == ("The person did not allow this call. They say: Not today.", True)


async def test_several_calls_are_decided_at_once(chat: Rig) -> None:
    other = use(4, "send", to="Bob")
    message, _ = await wait_for_it(chat, SEND, other)
    with pytest.raises(ApiError, match="all calls"):
        await decide(chat, message)
    with pytest.raises(ApiError, match="does not wait"):
        await decide(chat, message, decision(), decision(other.call_id), decision("c99999999"))
    assert sent_to == []

    answer(chat, "Done.")
    await chat.events((await decide(chat, message, decision(), decision(other.call_id, allow=False))).run_id)
    assert sent_to == ["Ann"]


async def test_the_waiting_answer_gives_way_to_the_one_that_goes_on(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "Done.")
    sent = await decide(chat, message)
    await chat.events(sent.run_id)

    final = await answer_of(sent)
    beside = await database.read(siblings, message.conversation, [final, message])
    assert beside == {final.pk: [final.pk], message.pk: [final.pk]}
    await message.conversation.arefresh_from_db()
    assert message.conversation.active_leaf_id == final.pk


async def test_it_may_ask_again(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    script(chat, use(5, "send", to="Bob"), text="Another. ")
    sent = await decide(chat, message)
    entries = await chat.events(sent.run_id)

    assert entries[-1].data["pending"] == ["c00000005"]
    answer(chat, "Done.")
    again = await decide(chat, await answer_of(sent), decision("c00000005"))
    await chat.events(again.run_id)
    assert sent_to == ["Ann", "Bob"]
    assert (await answer_of(again)).text == "I try. Another. Done."


# --- Who decides, and how often


async def test_the_first_decision_counts(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    outcomes = await asyncio.gather(
        decide(chat, message), decide(chat, message, decision(allow=False)), return_exceptions=True
    )
    answer(chat, "Done.")

    [sent] = [each for each in outcomes if isinstance(each, Sent)]
    [refused] = [each for each in outcomes if isinstance(each, ApiError)]
    assert refused.code in ("answered", "busy")
    await chat.events(sent.run_id)
    with pytest.raises(ApiError) as late:
        await decide(chat, message)
    assert late.value.code == "answered"
    assert late.value.about == {"run_id": sent.run_id, "conversation_id": str(message.conversation_id)}
    assert len(sent_to) <= 1


async def test_a_repeated_decision_is_the_same_run(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "Done.")
    client_message_id = str(uuid.uuid4())
    sent = await decide(chat, message, client_message_id=client_message_id)
    await chat.events(sent.run_id)
    again = await decide(chat, message, client_message_id=client_message_id)

    assert (again.run_id, again.duplicate) == (sent.run_id, True)
    assert sent_to == ["Ann"]


async def test_nobody_else_may_decide(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    with pytest.raises(ApiError) as refused:
        await decide(chat, message, user_id=chat.charlie.pk)

    assert refused.value.code == "not_found"
    assert sent_to == []


async def test_a_run_that_does_not_start_decides_nothing(chat: Rig, settings: Any) -> None:
    message, _ = await wait_for_it(chat, SEND)
    settings.CHAT_LIVE_RUNS_PER_USER = 0
    with pytest.raises(ApiError) as refused:
        await decide(chat, message)
    assert refused.value.code == "too_many_runs"
    assert not await Decision.objects.aexists()

    settings.CHAT_LIVE_RUNS_PER_USER = 5
    answer(chat, "Done.")
    await chat.events((await decide(chat, message)).run_id)
    assert sent_to == ["Ann"]


async def test_after_a_failed_run_it_is_decided_again_and_nothing_is_sent_twice(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    chat.provider.put(ProviderError("Out of order."))
    failed = await decide(chat, message)
    assert (await chat.events(failed.run_id))[-1].name == "error"

    answer(chat, "Done.")
    sent = await decide(chat, message)
    made = calls(await chat.events(sent.run_id))[SEND.call_id]
    assert sent_to == ["Ann"]
    assert (made.state, made.code) == ("failed", "unknown_outcome")
    assert await SideEffect.objects.acount() == 1


async def test_a_message_instead_denies_what_waits(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "All right.")
    sent = await chat.send("Something else", conversation_id=str(message.conversation_id))
    await chat.events(sent.run_id)

    [result] = [each for each in chat.provider.requests[-1].messages if isinstance(each, ToolResult)]
    assert result == ToolResult(SEND.call_id, "send", "This call was not made: the person did not allow it.", True)
    with pytest.raises(ApiError) as refused:
        await decide(chat, message)
    assert refused.value.code == "conflict"
    assert sent_to == []


async def test_a_waiting_answer_cannot_simply_be_continued(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    with pytest.raises(ApiError, match="waits for a person"):
        await chat.again(continue_id=str(message.pk))


# --- What is checked again


async def change_step(message: Message, change: Callable[[dict[str, Any]], None]) -> None:
    step = await Step.objects.aget(message=message)
    change(step.calls[0])
    await step.asave()


async def test_it_can_be_too_late(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    await change_step(message, lambda call: call.update(expires_at="2026-01-01T00:00:00+00:00"))
    with pytest.raises(ApiError) as refused:
        await decide(chat, message)
    assert refused.value.code == "expired"

    answer(chat, "I see.")
    await chat.events((await decide(chat, message, decision(allow=False))).run_id)
    assert sent_to == []


async def test_a_tool_that_has_changed_is_not_called(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    await change_step(message, lambda call: call.update(definition="0" * 64))
    answer(chat, "I see.")
    made = calls(await chat.events((await decide(chat, message)).run_id))[SEND.call_id]

    assert (made.state, made.code) == ("failed", "denied")
    assert "changed" in made.message
    assert sent_to == []


async def test_a_tool_that_was_switched_off_is_not_called(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    await Assistant.objects.all().aupdate(tools={"local:look": "allow"})
    answer(chat, "I see.")
    made = calls(await chat.events((await decide(chat, message)).run_id))[SEND.call_id]

    assert (made.state, made.code) == ("failed", "unknown_tool")
    assert sent_to == []


# --- For the whole conversation


async def test_a_tool_allowed_for_the_conversation_asks_no_more(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    script(chat, use(5, "send", to="Bob"), text="Another. ")
    answer(chat, "Done.")
    await chat.events((await decide(chat, message, decision(scope="chat"))).run_id)
    conversation_id = str(message.conversation_id)
    script(chat, use(6, "send", to="Cleo"))
    answer(chat, "Done.")
    sent = await chat.send("Once more", conversation_id=conversation_id)
    await chat.events(sent.run_id)

    assert sent_to == ["Ann", "Bob", "Cleo"]


async def test_it_is_not_allowed_in_another_conversation(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "Done.")
    await chat.events((await decide(chat, message, decision(scope="chat"))).run_id)

    other, _ = await wait_for_it(chat, use(7, "send", to="Dan"))
    assert other.status == "waiting"
    assert sent_to == ["Ann"]


async def test_a_changed_tool_asks_again(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "Done.")
    await chat.events((await decide(chat, message, decision(scope="chat"))).run_id)
    await ToolPermission.objects.all().aupdate(definition="0" * 64)
    script(chat, use(6, "send", to="Cleo"))
    sent = await chat.send("Once more", conversation_id=str(message.conversation_id))

    assert (await chat.events(sent.run_id))[-1].data["status"] == "waiting"
    assert sent_to == ["Ann"]


async def test_a_denial_for_the_conversation_permits_nothing(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND)
    answer(chat, "I see.")
    await chat.events((await decide(chat, message, decision(allow=False, scope="chat"))).run_id)

    assert not await ToolPermission.objects.aexists()


# --- Questions


async def test_a_question_waits_for_its_answer(chat: Rig) -> None:
    message, entries = await wait_for_it(chat, ASK)

    assert [entry.name for entry in entries] == ["start", "token", "tool_start", "question", "done"]
    assert entries[3].data["text"] == "Which one?"
    assert (entries[3].data["choices"], entries[3].data["allows_text"]) == (["red", "blue"], False)
    assert (entries[4].data["finish_reason"], message.pending) == ("question", [ASK.call_id])
    answer(chat, "Blue it is.")
    sent = await reply(chat, message, "blue")
    made = calls(await chat.events(sent.run_id))[ASK.call_id]
    assert (made.state, made.result) == ("done", "blue")
    [result] = [each for each in chat.provider.requests[-1].messages if isinstance(each, ToolResult)]
    assert (result.text, result.is_error) == ("blue", False)


async def test_only_the_choices_count_if_there_is_nothing_else(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, ASK)
    with pytest.raises(ApiError, match="one of the choices"):
        await reply(chat, message, "green")


async def test_space_around_a_choice_does_not_count(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, use(4, "offer"))
    answer(chat, "Blue it is.")
    sent = await reply(chat, message, "blue ", "c00000004")

    assert calls(await chat.events(sent.run_id))["c00000004"].result == "blue"


async def test_a_question_and_a_permission_wait_for_each_other(chat: Rig) -> None:
    message, entries = await wait_for_it(chat, SEND, ASK)
    assert entries[-1].data["finish_reason"] == "approval"
    assert entries[-1].data["pending"] == [SEND.call_id, ASK.call_id]

    sent = await decide(chat, message)
    assert (await chat.events(sent.run_id))[-1].data["pending"] == [ASK.call_id]
    answer(chat, "Done.")
    last = await reply(chat, await answer_of(sent), "red")
    made = calls(await chat.events(last.run_id))
    assert sent_to == ["Ann"]
    assert {call_id: call.result for call_id, call in made.items()} == {
        SEND.call_id: "sent to Ann",
        ASK.call_id: "red",
    }


async def test_a_message_instead_of_an_answer_tells_the_model_so(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, ASK)
    answer(chat, "All right.")
    sent = await chat.send("Forget it", conversation_id=str(message.conversation_id))
    await chat.events(sent.run_id)

    [result] = [each for each in chat.provider.requests[-1].messages if isinstance(each, ToolResult)]
    assert result.text == "The person did not answer this question."


async def test_two_questions_are_answered_one_after_the_other(chat: Rig) -> None:
    other = use(4, "ask_person", question="How many?")
    message, _ = await wait_for_it(chat, ASK, other)
    first = await reply(chat, message, "red")
    assert (await chat.events(first.run_id))[-1].data["pending"] == [other.call_id]

    answer(chat, "Done.")
    last = await reply(chat, await answer_of(first), "two", other.call_id)
    made = calls(await chat.events(last.run_id))
    assert [made[each].result for each in (ASK.call_id, other.call_id)] == ["red", "two"]


async def test_nothing_is_sent_twice_if_a_question_is_answered_in_between(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, SEND, use(4, "ask_person", question="How many?"))
    lost = await decide(chat, message)
    await chat.events(lost.run_id)
    # As if its server had been lost before it was saved.
    await Message.objects.filter(run_id=lost.run_id).adelete()
    await Decision.objects.all().adelete()
    assert sent_to == ["Ann"]

    between = await reply(chat, message, "two", "c00000004")
    assert (await chat.events(between.run_id))[-1].data["pending"] == [SEND.call_id]
    answer(chat, "Done.")
    last = await decide(chat, await answer_of(between))
    made = calls(await chat.events(last.run_id))[SEND.call_id]
    assert (made.code, sent_to) == ("unknown_outcome", ["Ann"])


async def test_an_answer_reaches_the_model_whatever_happened_to_its_tool(chat: Rig) -> None:
    message, _ = await wait_for_it(chat, ASK)
    await Assistant.objects.all().aupdate(tools={})
    answer(chat, "I see.")
    await chat.events((await reply(chat, message, "red")).run_id)

    [result] = [each for each in chat.provider.requests[-1].messages if isinstance(each, ToolResult)]
    assert (result.text, result.is_error) == ("red", False)


async def test_a_run_that_does_not_start_permits_nothing(chat: Rig, settings: Any) -> None:
    message, _ = await wait_for_it(chat, SEND)
    settings.CHAT_LIVE_RUNS_PER_USER = 0
    with pytest.raises(ApiError):
        await decide(chat, message, decision(scope="chat"))

    assert not await ToolPermission.objects.aexists()
