"""Answers with tools: the model calls tools, the tools run, the model continues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from chat import database
from chat.generation.side_effect_guard import SideEffectGuard
from chat.generation.tool_calls import CANCELLED, Limits
from chat.generation.work import TOLD_BYTES
from chat.models import Assistant, Message, SideEffect
from chat.models.part import parts_of
from chat.models.step import steps_of
from chat.protocol.events import ENTRY_CHARACTERS, Entry
from chat.protocol.parts import Text, ToolCall, fold
from chat.providers.base import (
    Finish,
    ModelOutput,
    OutputItems,
    Prompt,
    ReasoningDelta,
    Recant,
    Request,
    TextDelta,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from chat.streams.base import ROOM_BYTES, Budget
from chat.tools.base import Context, Progress, ToolFailed
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.chat_rig import Rig, rig
from tests.scripted import ScriptedProvider

pytestmark = pytest.mark.django_db(transaction=True)


class Gates:
    """Lets a test decide when a slow tool continues, and records which tools run."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.most = 0
        self.ended: list[str] = []
        self.open = asyncio.Event()
        self.users: list[int] = []
        self.sent: list[str] = []


gates = Gates()


@tool(side_effects=False)
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(side_effects=False)
async def slow(name: str, context: Context) -> str:
    """Wait."""
    gates.users.append(context.user_id)
    gates.running.append(name)
    gates.most = max(gates.most, len(gates.running))
    try:
        await gates.open.wait()
    finally:
        gates.running.remove(name)
        gates.ended.append(name)
    return f"{name} is done"


@tool(side_effects=False)
async def fails() -> str:
    """Fail."""
    raise ToolFailed("failed", "The library is closed.")


@tool(side_effects=False)
async def searches(q: Annotated[str, "What for."]) -> AsyncIterator[Any]:
    """Search."""
    yield Progress({"index": 1, "title": f"First of {q}"})
    yield Progress({"index": 2, "title": f"Second of {q}"})
    yield f"Two hits for {q}."


@tool(side_effects=False)
async def talks(topic: int) -> str:
    """Return a lot."""
    return str(topic) + "x" * 30_000


@tool(side_effects=False)
async def hunts() -> AsyncIterator[Any]:
    """Report a lot, and odd things."""
    yield Progress({"at": datetime(2026, 11, 29, tzinfo=UTC), 1: "number"})  # type: ignore[dict-item]
    for number in range(150):
        yield Progress({"title": f"{number}" + "x" * 3_000})
    yield "Nothing."


@tool(side_effects=False)
async def takes(anything: dict[str, Any]) -> str:
    """Take any object."""
    return "taken"


@tool(side_effects=False)
async def complains() -> str:
    """Fail at length."""
    raise ToolFailed("failed", "x" * 3_000_000)


@tool(side_effects=True)
async def sends(to: str) -> str:
    """Send something."""
    gates.sent.append(to)
    if to == "nobody":
        raise ToolFailed("failed", "There is no such person.")
    if to == "crowd":
        raise ToolFailed("too_large", "The server was asked, but its result is too large.")
    if to == "everybody":
        await gates.open.wait()
    return "sent"


ALL = Tools(
    [define(each, source="local") for each in (add, slow, fails, searches, talks, hunts, takes, complains, sends)]
)


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    gates.__init__()  # type: ignore[misc]
    async with rig(tools=ALL) as made:
        yield made
        gates.open.set()


def use(number: int, name: str, /, **arguments: object) -> ToolUse:
    return ToolUse(f"c0000000{number}", name, json.dumps(arguments))


def calls(provider: ScriptedProvider, *uses: ToolUse, text: str = "") -> None:
    """Script a model turn that says `text` and makes these calls."""
    if text:
        provider.say(text)
    provider.put(*uses, OutputItems(({"role": "assistant", "signature": uses[0].call_id},)), Finish("tool_calls"))


def answers(provider: ScriptedProvider, text: str) -> None:
    provider.say(text)
    provider.finish()


async def turn(chat: Rig, text: str = "Go") -> list[Entry]:
    sent = await chat.send(text)
    return await chat.events(sent.run_id)


async def saved() -> Message:
    return await Message.objects.select_related("parent").aget(role="assistant")


def called(entries: list[Entry]) -> list[ToolCall]:
    return [part for part in fold(entries) if isinstance(part, ToolCall)]


async def test_the_model_continues_with_the_result(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2), text="I add. ")
    answers(chat.provider, "It is 3.")

    entries = await turn(chat)

    names = [entry.name for entry in entries if entry.name != "usage"]
    assert names == ["start", "token", "tool_start", "tool_result", "token", "done"]
    assert entries[-1].data["characters"] == len("I add. It is 3.")
    [call] = called(entries)
    assert (call.tool, call.title, call.arguments, call.result) == ("local:add", "Add", {"a": 1, "b": 2}, 3)


async def test_the_second_request_has_the_call_and_its_result(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2), text="I add. ")
    answers(chat.provider, "It is 3.")
    await turn(chat)

    first, second = chat.provider.requests
    assert [each.name for each in first.tools] == sorted(made.name for made in ALL)
    assert second.tools == first.tools
    assert second.messages == (
        Prompt("user", "Go"),
        ModelOutput("I add. ", (use(1, "add", a=1, b=2),), ({"role": "assistant", "signature": "c00000001"},)),
        ToolResult("c00000001", "add", "3"),
    )


async def test_the_answer_is_saved_with_its_parts_and_steps(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2), text="I add. ")
    answers(chat.provider, "It is 3.")
    entries = await turn(chat)

    answer = await saved()
    assert answer.text == "I add. It is 3."
    assert await database.read(parts_of, answer) == fold(entries)
    [step] = await database.read(steps_of, answer)
    assert (step.number, step.provider, step.model, step.text) == (0, "scripted", "m-1", "I add. ")
    assert step.calls[0]["content"] == "3"
    assert step.items == ({"role": "assistant", "signature": "c00000001"},)


async def test_the_next_request_contains_all_of_it(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2), text="I add. ")
    answers(chat.provider, "It is 3.")
    first = await chat.send("Go")
    await chat.events(first.run_id)
    answers(chat.provider, "You are welcome.")
    second = await chat.send("Thanks", conversation_id=first.conversation_id)
    await chat.events(second.run_id)

    assert chat.provider.requests[-1].messages == (
        Prompt("user", "Go"),
        ModelOutput("I add. ", (use(1, "add", a=1, b=2),), ({"role": "assistant", "signature": "c00000001"},)),
        ToolResult("c00000001", "add", "3"),
        Prompt("assistant", "It is 3."),
        Prompt("user", "Thanks"),
    )


async def test_another_model_gets_no_items_of_the_first_one(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2))
    answers(chat.provider, "It is 3.")
    first = await chat.send("Go")
    await chat.events(first.run_id)
    await Assistant.objects.all().aupdate(model="m-2")
    answers(chat.provider, "You are welcome.")
    second = await chat.send("Thanks", conversation_id=first.conversation_id)
    await chat.events(second.run_id)

    [output] = [each for each in chat.provider.requests[-1].messages if isinstance(each, ModelOutput)]
    assert output.items == ()
    assert output.calls == (use(1, "add", a=1, b=2),)


async def test_progress_is_shown_as_it_comes(chat: Rig) -> None:
    calls(chat.provider, use(1, "searches", q="herons"))
    answers(chat.provider, "Two.")

    entries = await turn(chat)

    [call] = called(entries)
    assert [item["title"] for item in call.items] == ["First of herons", "Second of herons"]
    assert call.result == "Two hits for herons."


async def test_a_failed_call_is_reported_to_the_model_and_the_user(chat: Rig) -> None:
    calls(chat.provider, use(1, "fails"))
    answers(chat.provider, "It is closed.")

    entries = await turn(chat)

    [call] = called(entries)
    assert (call.state, call.code, call.message) == ("failed", "failed", "The library is closed.")
    assert chat.provider.requests[1].messages[-1] == ToolResult("c00000001", "fails", "The library is closed.", True)
    assert entries[-1].name == "done"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (ToolUse("c00000001", "subtract", "{}"), "unknown_tool"),
        (ToolUse("c00000001", "add", '{"a": 1'), "invalid_arguments"),
        (ToolUse("c00000001", "add", '{"a": "one", "b": 2}'), "invalid_arguments"),
        (ToolUse("c00000001", "add", "[1, 2]"), "invalid_arguments"),
        (ToolUse("c00000001", "add", "", is_too_long=True), "too_large"),
    ],
)
async def test_a_wrong_call_is_a_result_for_the_model(chat: Rig, made: ToolUse, code: str) -> None:
    calls(chat.provider, made)
    answers(chat.provider, "I see.")

    entries = await turn(chat)

    [call] = called(entries)
    assert (call.state, call.code) == ("failed", code)
    result = chat.provider.requests[1].messages[-1]
    assert isinstance(result, ToolResult)
    assert result.is_error
    assert (await saved()).text == "I see."


async def test_at_most_four_independent_calls_run_concurrently(chat: Rig) -> None:
    calls(chat.provider, *(use(number, "slow", name=f"n{number}") for number in range(6)))
    answers(chat.provider, "All done.")
    sent = await chat.send()
    while len(gates.running) < 4:
        await asyncio.sleep(0)
    gates.open.set()
    entries = await chat.events(sent.run_id)

    assert gates.most == 4
    assert sorted(gates.ended) == [f"n{number}" for number in range(6)]
    assert set(gates.users) == {chat.alice.pk}
    results = [each for each in chat.provider.requests[1].messages if isinstance(each, ToolResult)]
    # Results keep the order of the calls, whichever ends first.
    assert [each.text for each in results] == [f"n{number} is done" for number in range(6)]
    assert len(called(entries)) == 6


async def test_a_failed_call_does_not_stop_the_others(chat: Rig) -> None:
    gates.open.set()
    calls(chat.provider, use(1, "fails"), use(2, "slow", name="n"), use(3, "searches", q="x"))
    answers(chat.provider, "Partly.")

    entries = await turn(chat)

    assert [call.state for call in called(entries)] == ["failed", "done", "done"]


async def test_more_calls_than_allowed_at_once_are_refused(chat: Rig) -> None:
    calls(chat.provider, *(use(number, "add", a=number, b=0) for number in range(9)))
    answers(chat.provider, "Enough.")

    entries = await turn(chat)

    assert [call.state for call in called(entries)] == ["done"] * 8 + ["failed"]


async def test_the_same_call_is_made_at_most_twice(chat: Rig) -> None:
    for number in range(3):
        calls(chat.provider, use(number, "add", a=1, b=1))
    answers(chat.provider, "Two.")

    entries = await turn(chat)

    assert [call.state for call in called(entries)] == ["done", "done", "failed"]
    assert "exactly this call" in called(entries)[2].message


async def test_on_the_last_turn_it_answers_without_tools(chat: Rig) -> None:
    chat.engine._runner._limits = Limits(turns=3)
    calls(chat.provider, use(1, "add", a=1, b=1))
    calls(chat.provider, use(2, "add", a=2, b=2))
    answers(chat.provider, "So far: 4.")

    entries = await turn(chat)

    assert [request.tools_are_off for request in chat.provider.requests] == [False, False, True]
    # The tools are still offered, because the earlier calls would be invalid otherwise.
    assert chat.provider.requests[2].tools == chat.provider.requests[0].tools
    assert entries[-1].data["finish_reason"] == "tool_limit"
    assert (await saved()).text == "So far: 4."


async def test_calls_on_the_last_turn_are_not_run(chat: Rig) -> None:
    chat.engine._runner._limits = Limits(turns=1)
    calls(chat.provider, use(1, "add", a=1, b=1), text="I would add.")

    entries = await turn(chat)

    assert entries[-1].data["finish_reason"] == "tool_limit"
    assert called(entries) == []


async def test_an_answer_of_only_calls_is_an_error(chat: Rig) -> None:
    chat.engine._runner._limits = Limits(turns=2)
    calls(chat.provider, use(1, "add", a=1, b=1))
    calls(chat.provider, use(2, "add", a=1, b=2))

    entries = await turn(chat)

    assert (entries[-1].name, entries[-1].data["code"]) == ("error", "empty_answer")


async def test_after_its_time_limit_it_answers_without_tools(chat: Rig) -> None:
    chat.engine._runner._limits = Limits(seconds=0)
    answers(chat.provider, "At once.")

    entries = await turn(chat)

    assert chat.provider.requests[0].tools_are_off
    assert entries[-1].data["finish_reason"] == "tool_limit"


async def test_the_total_size_of_results_is_limited(chat: Rig) -> None:
    chat.engine._runner._limits = Limits(turns=50)
    for number in range(3):
        calls(chat.provider, *(use(topic, "talks", topic=topic) for topic in range(8 * number, 8 * number + 8)))
    answers(chat.provider, "Enough.")

    await turn(chat)

    results = [each for each in chat.provider.requests[-1].messages if isinstance(each, ToolResult)]
    assert TOLD_BYTES * 0.9 < sum(len(each.text) for each in results) < TOLD_BYTES * 1.01
    assert results[-1].text.startswith("The results of this answer have used up their room.")


async def test_stop_cancels_the_tools_and_every_call_has_a_result(chat: Rig) -> None:
    calls(chat.provider, use(1, "slow", name="a"), use(2, "slow", name="b"), text="I wait. ")
    sent = await chat.send()
    while len(gates.running) < 2:
        await asyncio.sleep(0)
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    entries = await chat.events(sent.run_id)

    assert gates.running == []
    assert entries[-1].data["status"] == "stopped"
    assert [(call.state, call.code) for call in called(entries)] == [("failed", "cancelled")] * 2
    answer = await saved()
    assert answer.text == "I wait. "
    [step] = await database.read(steps_of, answer)
    assert [(call["content"], call["is_error"]) for call in step.calls] == [(CANCELLED, True)] * 2


async def test_a_conversation_continues_after_stop(chat: Rig) -> None:
    calls(chat.provider, use(1, "slow", name="a"))
    first = await chat.send("Go")
    while not gates.running:
        await asyncio.sleep(0)
    await chat.engine.stop(chat.alice.pk, first.run_id)
    await chat.events(first.run_id)
    answers(chat.provider, "Of course.")
    second = await chat.send("Go on", conversation_id=first.conversation_id)
    await chat.events(second.run_id)

    messages = chat.provider.requests[-1].messages
    assert [type(each) for each in messages] == [Prompt, ModelOutput, ToolResult, Prompt]
    assert messages[-1] == Prompt("user", "Go on")


async def test_usage_is_the_sum_of_all_requests(chat: Rig) -> None:
    chat.provider.put(use(1, "add", a=1, b=1), UsageDelta(100, 10, 60, 5), Finish("tool_calls"))
    chat.provider.put(TextDelta("2"), UsageDelta(120, 7, 100), Finish("stop"))

    entries = await turn(chat)

    assert [entry.data for entry in entries if entry.name == "usage"][-1] == {
        "input_tokens": 220,
        "output_tokens": 17,
        "cached_input_tokens": 160,
        "reasoning_tokens": 5,
    }
    answer = await saved()
    assert (answer.input_tokens, answer.output_tokens) == (220, 17)


async def test_a_replay_from_the_database_is_the_same(chat: Rig) -> None:
    calls(chat.provider, use(1, "searches", q="herons"), use(2, "fails"), text="I look. ")
    answers(chat.provider, "Two.")
    sent = await chat.send()
    live = await chat.events(sent.run_id)
    await chat.engine.log.forget(sent.run_id)

    again = await chat.events(sent.run_id)

    assert fold(again) == fold(live)


async def test_an_assistant_without_tools_is_asked_as_before(chat: Rig) -> None:
    await Assistant.objects.all().aupdate(tools={})
    answers(chat.provider, "Hello.")
    await turn(chat)

    assert chat.provider.requests == [Request("m-1", (Prompt("user", "Go"),), user=chat.provider.requests[0].user)]
    answer = await saved()
    assert (await answer.parts.acount(), await answer.steps.acount(), answer.has_steps) == (0, 0, None)


async def test_a_removed_tool_is_left_out(chat: Rig) -> None:
    await Assistant.objects.all().aupdate(
        tools=dict.fromkeys(["local:add", "local:was_once", "mcp:gone/tool"], "allow")
    )
    answers(chat.provider, "Hello.")
    await turn(chat)

    assert [each.name for each in chat.provider.requests[0].tools] == ["add"]


async def test_text_between_calls_stays_in_its_place(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=1), text="First. ")
    calls(chat.provider, use(2, "add", a=2, b=2), text="Second. ")
    answers(chat.provider, "Third.")

    entries = await turn(chat)

    shown = [part for part in fold(entries) if isinstance(part, Text | ToolCall)]
    assert [part.text if isinstance(part, Text) else part.call_id for part in shown] == [
        "First. ",
        "c00000001",
        "Second. ",
        "c00000002",
        "Third.",
    ]


# --- Limits on output from tools and models


async def test_progress_of_odd_types_is_converted_to_json(chat: Rig) -> None:
    calls(chat.provider, use(1, "hunts"))
    answers(chat.provider, "Nothing.")

    [call] = called(await turn(chat))

    assert call.items[0] == {"at": "2026-11-29T00:00:00Z", "1": "number"}


async def test_shown_results_are_limited(chat: Rig) -> None:
    calls(chat.provider, *(use(number, "hunts") for number in range(2)))
    answers(chat.provider, "Nothing.")
    await turn(chat)

    kept = await database.read(parts_of, await saved())
    shown = [item for part in kept if isinstance(part, ToolCall) for item in part.items]
    assert 50 < len(shown) < 100
    assert [part.result for part in kept if isinstance(part, ToolCall)] == ["Nothing."] * 2


@pytest.mark.parametrize("depth", [60, 70, 480, 900])
async def test_deeply_nested_arguments_fail_only_the_call(chat: Rig, depth: int) -> None:
    deep = '{"anything": {"a": ' + "[" * depth + "]" * depth + "}}"
    calls(chat.provider, ToolUse("c00000001", "takes", deep))
    answers(chat.provider, "Done.")

    [call] = called(await turn(chat))

    assert (call.state, call.code) == (("done", "") if depth == 60 else ("failed", "invalid_arguments"))
    assert (await saved()).text == "Done."


async def test_deep_items_of_a_vendor_are_cut(chat: Rig) -> None:
    deep: Any = []
    for _ in range(700):
        deep = [deep]
    chat.provider.put(use(1, "add", a=1, b=2), OutputItems(({"details": deep},)), Finish("tool_calls"))
    answers(chat.provider, "Done.")

    assert (await turn(chat))[-1].name == "done"
    assert (await saved()).has_steps


async def test_a_long_error_message_is_truncated(chat: Rig) -> None:
    calls(chat.provider, use(1, "complains"))
    answers(chat.provider, "I see.")

    [call] = called(await turn(chat))

    assert len(call.message) < 5_000
    assert len(chat.provider.requests[1].messages[-1].text) < 5_000


async def test_an_empty_text_after_the_tools_is_an_error(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2), text="I look. ")
    chat.provider.finish()

    entries = await turn(chat)

    assert (entries[-1].name, entries[-1].data["code"]) == ("error", "empty_answer")


async def test_an_answer_out_of_room_can_be_continued(chat: Rig) -> None:
    chat.engine.log._budget = Budget(total=6 * ROOM_BYTES, per_owner=3 * ROOM_BYTES)  # type: ignore[attr-defined]
    calls(chat.provider, use(1, "add", a=1, b=2), text="I look. ")
    chat.provider.say(*["a" * 100_000] * 10)
    chat.provider.finish()

    entries = await turn(chat)

    assert (entries[-1].name, entries[-1].data["finish_reason"]) == ("done", "length")


async def test_late_detected_thoughts_are_sent_in_pieces(chat: Rig) -> None:
    chat.provider.put(ReasoningDelta("r" * 50_000), use(1, "add", a=1, b=2), Finish("tool_calls"))
    chat.provider.put(TextDelta("hm hm"), Recant(), TextDelta("Three."), Finish("stop"))
    sent = await chat.send()
    await chat.events(sent.run_id)

    entries = await chat.engine.log.entries(sent.run_id)
    assert max(len(str(entry.data.get("text", ""))) for entry in entries) <= ENTRY_CHARACTERS
    assert [part.text for part in fold(entries) if isinstance(part, Text)] == ["Three."]
    # The call from the first model turn is kept.
    assert len(called(list(entries))) == 1


async def test_a_continued_answer_keeps_its_calls(chat: Rig) -> None:
    calls(chat.provider, use(1, "add", a=1, b=2), text="I look. ")
    chat.provider.put(TextDelta("It is "), Finish("length"))
    cut = (await turn(chat))[-1].data["message_id"]
    answers(chat.provider, "three.")
    again = await chat.again(continue_id=cut)
    entries = await chat.events(again.run_id)

    request = chat.provider.requests[-1]
    assert [type(each) for each in request.messages] == [Prompt, ModelOutput, ToolResult]
    assert (request.continues, request.tools) == ("It is ", ())
    answer = await Message.objects.aget(continues_id=cut)
    assert answer.text == "I look. It is three."
    kept = await database.read(parts_of, answer)
    assert [type(part) for part in kept] == [Text, ToolCall, Text]
    assert kept == fold(entries)
    assert len(await database.read(steps_of, answer)) == 1


async def test_tool_calls_of_a_kept_answer_are_in_the_next_request(chat: Rig) -> None:
    chat.provider.put(
        TextDelta("I look. "), use(1, "add", a=1, b=2), use(2, "fails"), use(3, "gone"), Finish("tool_calls")
    )
    chat.provider.put(ReasoningDelta("Hm."), use(4, "talks", topic=7), Finish("tool_calls"))
    chat.provider.put(TextDelta("It is "), None)
    sent = await chat.send()
    entries = await chat.events(sent.run_id)
    assert entries[-1].name == "error"

    kept = await chat.engine.keep(chat.alice.pk, sent.run_id)

    assert kept.text == "I look. It is "
    answers(chat.provider, "Yes.")
    again = await chat.send(conversation_id=sent.conversation_id)
    await chat.events(again.run_id)
    _, first, three, closed, gone, second, much, rest, _ = chat.provider.requests[-1].messages
    assert isinstance(first, ModelOutput)
    assert (first.text, [call.name for call in first.calls]) == ("I look. ", ["add", "fails", "gone"])
    assert [json.loads(call.arguments) for call in first.calls] == [{"a": 1, "b": 2}, {}, {}]
    assert isinstance(three, ToolResult)
    assert (three.text, three.is_error) == ("3", False)
    assert isinstance(closed, ToolResult)
    assert (closed.text, closed.is_error) == ("The library is closed.", True)
    assert isinstance(gone, ToolResult)
    assert "no tool of this name" in gone.text
    assert isinstance(second, ModelOutput)
    assert (second.text, [call.name for call in second.calls]) == ("", ["talks"])
    assert much.text.startswith("7xxx")
    assert rest == Prompt("assistant", "It is ")


# --- Side effects


async def uses() -> list[tuple[str, str]]:
    """The audit trail, as (tool, state) pairs."""
    # The final states are written in the background.
    while await SideEffect.objects.filter(state="running").aexists():
        await asyncio.sleep(0.01)
    return [(use.tool, use.state) async for use in SideEffect.objects.order_by("pk")]


async def test_a_side_effect_is_recorded(chat: Rig) -> None:
    calls(chat.provider, use(1, "sends", to="bob"), use(2, "sends", to="nobody"), use(3, "add", a=1, b=1))
    answers(chat.provider, "Sent.")

    entries = await turn(chat)

    assert sorted(gates.sent) == ["bob", "nobody"]
    assert [call.side_effects for call in called(entries)] == [True, True, False]
    assert sorted(await uses()) == [("local:sends", "done"), ("local:sends", "failed")]
    row = await SideEffect.objects.afirst()
    assert row is not None
    assert (row.owner_id, str(row.run_id)) == (chat.alice.pk, entries[0].data["run_id"])
    assert "bob" not in str(vars(row))


async def test_a_side_effect_stopped_midway_has_an_unknown_outcome(chat: Rig) -> None:
    calls(chat.provider, use(1, "sends", to="everybody"))
    sent = await chat.send()
    while not gates.sent:
        await asyncio.sleep(0)
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    await chat.events(sent.run_id)

    assert await uses() == [("local:sends", "unknown")]


async def test_a_call_whose_result_is_too_large_may_have_taken_effect(chat: Rig) -> None:
    calls(chat.provider, use(1, "sends", to="crowd"))
    answers(chat.provider, "Perhaps.")
    await turn(chat)

    assert await uses() == [("local:sends", "unknown")]


async def test_a_started_side_effect_is_not_started_again(chat: Rig) -> None:
    calls(chat.provider, use(1, "sends", to="bob"))
    answers(chat.provider, "Sent.")
    sent = await chat.send()
    await chat.events(sent.run_id)
    info = await chat.engine.log.find(sent.run_id)
    assert info is not None
    guard = SideEffectGuard(info)

    with pytest.raises(ToolFailed) as failed:
        await guard.begin("c00000001", "local:sends", {"to": "bob"})

    assert failed.value.code == "unknown_outcome"
    # Control: another call in the same run is allowed.
    await guard.begin("c00000002", "local:sends", {"to": "bob"})
