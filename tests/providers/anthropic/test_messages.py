"""The conversation in the form that the API requires."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.providers.anthropic.messages import Conversation
from chat.providers.base import Message, ModelOutput, Prompt, ToolResult, ToolUse, new_call_id

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "signed"}
REDACTED = {"type": "redacted_thinking", "data": "secret"}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def test_the_system_prompt_is_a_field_of_its_own() -> None:
    messages = (Prompt("system", "Be brief."), Prompt("user", "Hi"), Prompt("system", "In German."))

    conversation = Conversation(messages)

    assert conversation.system == [said("Be brief."), said("In German.")]
    assert conversation.messages == [user(said("Hi"))]


def test_neighbours_of_a_role_are_merged_and_blank_ones_dropped() -> None:
    messages = (
        *(Prompt("user", "a"), Prompt("user", " \n"), Prompt("user", "b")),
        *(Prompt("assistant", ""), ModelOutput("c", ()), Prompt("assistant", "d"), Prompt("user", "e")),
    )

    assert Conversation(messages).messages == [
        user(said("a"), said("b")),
        assistant(said("c"), said("d")),
        user(said("e")),
    ]


def test_all_results_come_first_in_one_message() -> None:
    calls = (ToolUse("c1", "look", '{"path": "/"}'), ToolUse("c2", "now", "{}"))
    results = (ToolResult("c1", "look", "bin etc"), ToolResult("c2", "now", "", is_error=True))

    messages = Conversation((Prompt("user", "Hi"), ModelOutput("", calls), *results, Prompt("user", "And?"))).messages

    assert messages[1:] == [
        assistant(
            {"type": "tool_use", "id": "c1", "name": "look", "input": {"path": "/"}},
            {"type": "tool_use", "id": "c2", "name": "now", "input": {}},
        ),
        user(
            {"type": "tool_result", "tool_use_id": "c1", "content": "bin etc"},
            {"type": "tool_result", "tool_use_id": "c2", "is_error": True},
            said("And?"),
        ),
    ]


@pytest.mark.parametrize(
    "arguments", ["", "nonsense", "[1]", '"a"', "[" * 5_000, '{"a": ' * 5_000 + "1" + "}" * 5_000]
)
def test_broken_arguments_go_back_as_an_empty_object(arguments: str) -> None:
    (_, output) = Conversation((Prompt("user", "Hi"), ModelOutput("", (ToolUse("c1", "look", arguments),)))).messages

    assert output["content"][0]["input"] == {}


def test_items_go_back_as_they_came() -> None:
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {"path": "/"}}
    items = (THOUGHT, REDACTED, said("Let me look."), said(" "), call)
    output = ModelOutput("Something else", (ToolUse("c1", "look", "{}"),), items)

    (_, message) = Conversation((Prompt("user", "Hi"), output)).messages

    assert message == assistant(THOUGHT, REDACTED, said("Let me look."), call)


def test_without_thoughts_the_rest_of_the_items_goes_back() -> None:
    output = ModelOutput("", (), (THOUGHT, REDACTED, said("Yes.")))

    (_, message) = Conversation((Prompt("user", "Hi"), output), keeps_thoughts=False).messages

    assert message == assistant(said("Yes."))


def test_an_answer_without_a_question_gets_one() -> None:
    messages = Conversation((Prompt("assistant", "Yes."), Prompt("user", "Why?"))).messages

    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"][0]["text"].strip()


@pytest.mark.parametrize(
    ("items", "lacks"),
    [((THOUGHT, {"type": "tool_use", "id": "c1", "name": "a", "input": {}}), False), ((), True)],
)
def test_it_knows_whether_a_thought_is_missing_before_calls(items: tuple[Any, ...], lacks: bool) -> None:
    output = ModelOutput("", (ToolUse("c1", "a", "{}"),), items)
    asked = (Prompt("user", "Hi"), output, ToolResult("c1", "a", "x"))

    assert Conversation(asked).lacks_thought is lacks
    assert not Conversation((*asked, Prompt("assistant", "Done."), Prompt("user", "And?"))).lacks_thought
    assert not Conversation((Prompt("user", "Hi"),)).lacks_thought


TEXTS = st.text(st.characters(), max_size=6)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    found: list[Message] = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["prompt", "output", "calls"]))
        if kind == "prompt":
            found.append(Prompt(draw(st.sampled_from(["system", "user", "assistant"])), draw(TEXTS)))
        elif kind == "output":
            items = ({"type": "text", "text": "from items"},) if draw(st.booleans()) else ()
            found.append(ModelOutput(draw(TEXTS), (), items))
        else:
            calls = tuple(ToolUse(new_call_id(), "look", draw(TEXTS)) for _ in range(draw(st.integers(1, 3))))
            found.append(ModelOutput(draw(TEXTS), calls))
            found += [ToolResult(call.call_id, "look", draw(TEXTS)) for call in calls]
    return found


@given(turns())
def test_any_conversation_obeys_the_rules_of_the_api(messages: list[Message]) -> None:
    conversation = Conversation(messages)

    msgspec.json.encode([conversation.system, conversation.messages])
    json.dumps(conversation.messages, ensure_ascii=False).encode()
    roles = [message["role"] for message in conversation.messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    asked: set[str] = set()
    for message in conversation.messages:
        kinds = [block["type"] for block in message["content"]]
        assert kinds
        assert kinds == sorted(kinds, key=lambda kind: kind != "tool_result")
        assert {block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"} == asked
        asked = {block["id"] for block in message["content"] if block["type"] == "tool_use"}
        assert all(block["text"].strip() for block in message["content"] if block["type"] == "text")
    assert not asked
