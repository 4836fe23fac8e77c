from __future__ import annotations

import json
from typing import Any

import pytest

from chat.tools.base import AskPerson, ToolFailed
from chat.tools.builtin.ask import ask_person
from chat.tools.definitions import define
from tests.tools.calling import outputs

ASK = define(ask_person, source="builtin")


async def test_the_only_output_is_the_question() -> None:
    arguments = json.dumps({"question": " Which city? ", "choices": ["Bern", " Basel", "Bern", " "]})
    assert await outputs(ASK, arguments) == [AskPerson("Which city?", ("Bern", "Basel"), allows_text=True)]


async def test_a_question_may_have_only_choices_or_none() -> None:
    arguments = {"question": "Go on?", "choices": ["Yes", "No"], "allows_text": False}
    assert await outputs(ASK, json.dumps(arguments)) == [AskPerson("Go on?", ("Yes", "No"), allows_text=False)]
    assert await outputs(ASK, '{"question": "Why?"}') == [AskPerson("Why?")]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"question": ""},
        {"question": "  "},
        {"question": "x" * 1001},
        {"question": "Which?", "choices": ["a"] * 11},
        {"question": "Which?", "choices": ["a" * 201]},
        {"question": "Which?", "choices": [1]},
        {"question": "Which?", "allows_text": False},
        {"question": "Which?", "choices": ["a", " a"], "allows_text": False},
    ],
)
async def test_an_invalid_question_is_refused(arguments: Any) -> None:
    with pytest.raises(ToolFailed) as failure:
        await outputs(ASK, json.dumps(arguments))
    assert failure.value.code == "invalid_arguments"
