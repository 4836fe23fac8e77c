"""How much of a conversation a model is sent, and what people are told of the rest."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat import database
from chat.api.serializers import message_object
from chat.generation import context
from chat.generation.context import LEFT_OUT, characters_for, is_cut_by_server, shortened
from chat.models import Assistant, Message
from chat.protocol.events import Entry
from chat.providers.base import (
    ContextTooLong,
    Finish,
    ModelOutput,
    Prompt,
    Tool,
    ToolResult,
    ToolUse,
    UsageDelta,
)
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.chat_rig import Rig, rig
from tests.generation.test_agent import answers, calls, use

pytestmark = pytest.mark.django_db(transaction=True)

PLENTY = 1_000_000


@tool(side_effects=False)
async def talks(topic: int) -> str:
    """Return a lot."""
    return str(topic) + "x" * 30_000


SYSTEM = Prompt("system", "Be brief.")


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig(tools=Tools([define(talks, source="local")])) as made:
        yield made


def assistant(**fields: Any) -> Assistant:
    return Assistant(**{"slug": "a", "provider": "openai", "model": "m-1", **fields})


def answered(text: str, tokens: int | None, **fields: Any) -> list[Message]:
    """A question and its answer, for whose prompt the provider counted so many tokens."""
    question = Message(role="user", text="q" * 3_000)
    return [question, Message(role="assistant", text=text, **{"model": "m-1", "input_tokens": tokens, **fields})]


def history(turns: int, characters: int = 100) -> list[Prompt]:
    return [Prompt(role, f"{number} {'x' * characters}") for number in range(turns) for role in ("user", "assistant")]  # type: ignore[arg-type]


# --- The room for a prompt


def test_without_a_known_window_the_setting_decides() -> None:
    assert characters_for(assistant(), [], "Hi", tools=(), most=5_000) == 5_000


def test_the_window_leaves_room_for_the_answer() -> None:
    # 8,000 tokens, less 1,000 for the answer and 800 to be sure, of 3.5 characters.
    chosen = assistant(context_window=8_000, max_output_tokens=1_000)

    assert characters_for(chosen, [], "Hi", tools=(), most=PLENTY) == int(6_200 * 3.5)
    assert characters_for(chosen, [], "Hi", tools=(), most=5_000) == 5_000
    # An answer may not take more than half of it.
    huge = assistant(context_window=8_000, max_output_tokens=100_000)
    assert characters_for(huge, [], "Hi", tools=(), most=PLENTY) == int(3_200 * 3.5)


def test_the_admins_window_overrides_the_detected_one() -> None:
    chosen = assistant(context_window=4_000, detected={"context_window": 100_000}, max_output_tokens=400)

    assert characters_for(chosen, [], "Hi", tools=(), most=PLENTY) == int(3_200 * 3.5)


def test_other_scripts_take_more_tokens() -> None:
    chosen = assistant(context_window=8_000, max_output_tokens=1_000)

    assert characters_for(chosen, [], "鷺は何を食べますか" * 100, tools=(), most=PLENTY) == int(6_200 * 1.3)


def test_tools_take_room() -> None:
    chosen = assistant(context_window=8_000, max_output_tokens=1_000)
    adds = Tool("add", "Add numbers.", {"type": "object"})

    assert characters_for(chosen, [], "Hi", tools=(adds,), most=PLENTY) == int(6_200 * 3.5) - 3 - 12 - len(
        json.dumps(adds.parameters)
    )


@pytest.mark.parametrize(
    ("path", "ratio"),
    [
        (answered("a", 1_500), 2.0),
        # Out of bounds: a provider may count anything.
        (answered("a", 1), 5.0),
        (answered("a", 1_000_000), 1.0),
        # Not comparable: another model, a sum over several calls, a prompt that was cut, no count.
        (answered("a", 1_500, model="m-2"), 3.5),
        (answered("a", 1_500, has_steps=True), 3.5),
        (answered("a", 1_500, context={"left_out": 2}), 3.5),
        (answered("a", None), 3.5),
        ([*answered("a", 1_500), *answered("b", None)], 2.0),
    ],
)
def test_token_counts_of_the_provider_calibrate_the_estimate(path: list[Message], ratio: float) -> None:
    chosen = assistant(context_window=8_000, max_output_tokens=1_000)

    assert characters_for(chosen, path, "Hi", tools=(), most=PLENTY) == int(6_200 * ratio)


# --- Shortening


def test_the_oldest_turns_are_dropped() -> None:
    messages = (SYSTEM, *history(5), Prompt("user", "Now?"))

    made = shortened(messages, 450)

    assert made is not None
    assert made[0] == (SYSTEM, *messages[7:])
    assert made[1] == 6
    assert context.length(made[0]) <= 450


def test_the_question_always_stays() -> None:
    messages = (*history(2), Prompt("user", "?" * 10_000))

    assert shortened(messages, 100) == ((messages[-1],), 4)
    assert shortened((SYSTEM, Prompt("user", "?" * 10_000)), 100) is None


def test_calls_keep_their_results() -> None:
    """Half a pair is refused by every vendor."""
    used = (
        ModelOutput("", (ToolUse("c1", "add", "{}"),)),
        ToolResult("c1", "add", "3" * 500),
        Prompt("assistant", "3"),
    )
    messages = (Prompt("user", "One"), *used, Prompt("user", "Two"), *used, Prompt("user", "Three"))

    made = shortened(messages, 600)

    assert made is not None
    assert made == (messages[4:], 2)


def test_the_results_of_older_steps_of_the_answer_are_left_out_first() -> None:
    steps = [
        each
        for number in range(4)
        for each in (
            ModelOutput("", (ToolUse(f"c{number}", "read", "{}"),)),
            ToolResult(f"c{number}", "read", "r" * 1_000),
        )
    ]
    messages = (*history(1), Prompt("user", "Read."), *steps)

    made = shortened(messages, 4_000)

    assert made is not None
    assert made[1] == 0
    assert [each.text for each in made[0] if isinstance(each, ToolResult)] == [LEFT_OUT] * 2 + ["r" * 1_000] * 2


# --- A server that cuts


@pytest.mark.parametrize(
    ("text", "tokens", "is_cut"),
    [
        ("A heron stands. " * 2_000, 4_096, True),
        ("A heron stands. " * 2_000, 8_000, False),
        # Too short to be sure.
        ("A heron stands. " * 600, 500, False),
        # Spaces cost next to nothing.
        (" " * 100_000 + "A heron. " * 1_000, 4_096, False),
    ],
)
def test_far_too_few_tokens_mean_that_the_server_truncated(text: str, tokens: int, is_cut: bool) -> None:
    assert is_cut_by_server([Prompt("user", text)], tokens) is is_cut


# --- Whole runs


async def turn(chat: Rig, **fields: Any) -> list[Entry]:
    return await chat.events((await chat.send(**fields)).run_id)


async def saved(entries: list[Entry]) -> dict[str, Any]:
    def read() -> Any:
        return message_object(Message.objects.get(pk=entries[-1].data["message_id"]))

    return dict(await database.read(read))


async def test_nothing_is_reported_if_everything_fits(chat: Rig) -> None:
    answers(chat.provider, "Yes.")

    entries = await turn(chat)

    assert "context" not in entries[0].data
    assert "context" not in entries[-1].data
    assert "context" not in await saved(entries)


async def test_messages_beyond_the_window_are_dropped_and_reported(chat: Rig) -> None:
    await Assistant.objects.aupdate(context_window=1_000, max_output_tokens=100)
    conversation = None
    for number in range(4):
        answers(chat.provider, f"{number}. " + "heron " * 150)
        entries = await turn(chat, text=f"{number}?", **({"conversation_id": conversation} if conversation else {}))
        conversation = entries[0].data["conversation_id"]

    # 2,800 characters: three answers of 900 and their questions do not fit.
    assert [message.text[:2] for message in chat.provider.requests[-1].messages] == ["1?", "1.", "2?", "2.", "3?"]
    assert entries[0].data["context"] == {"left_out": 2}
    assert entries[-1].data["context"] == {"left_out": 2}
    assert (await saved(entries))["context"] == {"left_out": 2}
    # Long after.
    await chat.engine.log.forget(entries[0].data["run_id"])
    replayed = await chat.events(entries[0].data["run_id"])
    assert (replayed[0].data["context"], replayed[-1].data["context"]) == ({"left_out": 2}, {"left_out": 2})


async def test_a_conversation_refused_as_too_long_is_halved_once(chat: Rig) -> None:
    conversation = None
    for _ in range(3):
        answers(chat.provider, "heron " * 150)
        entries = await turn(chat, **({"conversation_id": conversation} if conversation else {}))
        conversation = entries[0].data["conversation_id"]
    chat.provider.put(ContextTooLong("The conversation is too long for this model."))
    answers(chat.provider, "Shorter.")

    entries = await turn(chat, text="And now?", conversation_id=conversation)

    assert [len(request.messages) for request in chat.provider.requests[-2:]] == [7, 3]
    assert [entry.data["state"] for entry in entries if entry.name == "status"] == ["shortening"]
    assert "context" not in entries[0].data
    assert entries[-1].data["context"] == {"left_out": 4}
    assert (await saved(entries))["context"] == {"left_out": 4}


async def test_a_conversation_still_too_long_fails(chat: Rig) -> None:
    answers(chat.provider, "heron " * 150)
    conversation = (await turn(chat))[0].data["conversation_id"]
    chat.provider.put(*[ContextTooLong("The conversation is too long for this model.")] * 2)

    entries = await turn(chat, conversation_id=conversation)

    assert (entries[-1].name, entries[-1].data["message"]) == ("error", "The conversation is too long for this model.")
    assert len(chat.provider.requests) == 3


async def test_a_single_overlong_question_is_sent_once(chat: Rig) -> None:
    chat.provider.put(ContextTooLong("The conversation is too long for this model."))

    entries = await turn(chat)

    assert entries[-1].name == "error"
    assert len(chat.provider.requests) == 1


async def test_an_answer_with_tools_continues_with_less_context(chat: Rig) -> None:
    answers(chat.provider, "heron " * 150)
    conversation = (await turn(chat))[0].data["conversation_id"]
    for number in range(3):
        calls(chat.provider, use(number, "talks", topic=number))
    chat.provider.put(ContextTooLong("The conversation is too long for this model."))
    calls(chat.provider, use(7, "talks", topic=7))
    answers(chat.provider, "Done.")

    entries = await turn(chat, conversation_id=conversation)

    assert entries[-1].data["context"] == {"left_out": 2}
    results = [
        [message.text[:1] for message in request.messages if isinstance(message, ToolResult)]
        for request in chat.provider.requests[-3:]
    ]
    # Refused; accepted without the oldest result; the next request stays short.
    assert results == [["0", "1", "2"], ["[", "1", "2"], ["[", "[", "2", "7"]]
    assert [len(request.messages) for request in chat.provider.requests[-3:]] == [9, 7, 9]


async def test_truncation_by_the_server_is_reported(chat: Rig) -> None:
    chat.provider.say("Which birds?")
    chat.provider.put(UsageDelta(4_096, 3), Finish("stop"))

    entries = await turn(chat, text="A heron stands. " * 3_000)

    assert entries[-1].data["context"] == {"left_out": 0, "cut_by_server": True}
    assert (await saved(entries))["context"] == {"left_out": 0, "cut_by_server": True}
