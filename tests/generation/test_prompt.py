"""What a model is sent of the conversation so far."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chat.generation.context import LEFT_OUT
from chat.generation.prompt import build, path_to
from chat.models import Message, User
from chat.models.step import StepRecord
from chat.providers.base import Message as PromptMessage
from chat.providers.base import ModelOutput, Prompt, ToolResult
from tests.models.test_step import CALL, FIRST
from tests.models.test_turn import turn

pytestmark = pytest.mark.django_db

QUESTION = "And egrets?"


def prompt_after(answer: Message, *, characters: int, model: str = "m-1") -> tuple[PromptMessage, ...]:
    path = path_to(str(answer.pk), answer.conversation)
    return build("", path, QUESTION, characters=characters, provider="openai", model=model).messages


def saved(alice: User, step: StepRecord) -> Message:
    return turn(alice, text=f"{step.text} It is a bird.", steps=(step,)).save()


def test_an_answer_with_tools_is_sent_with_its_calls_and_results(alice: User) -> None:
    asked, called, result, said, new = prompt_after(saved(alice, FIRST), characters=10_000)

    assert isinstance(asked, Prompt)
    assert isinstance(called, ModelOutput)
    assert (called.text, [call.name for call in called.calls], called.items) == ("I look.", ["search"], FIRST.items)
    assert result == ToolResult("c12345678", "search", "A bird.")
    assert said == Prompt("assistant", " It is a bird.")
    assert new == Prompt("user", QUESTION)


def test_results_that_do_not_fit_are_left_out(alice: User) -> None:
    long = replace(FIRST, calls=({**CALL, "content": "bird " * 1_000},))  # type: ignore[arg-type]

    _, called, result, *_ = prompt_after(saved(alice, long), characters=1_000)

    assert isinstance(called, ModelOutput)
    assert isinstance(result, ToolResult)
    assert result.text == LEFT_OUT


def test_a_vendors_items_count_for_the_model_that_gets_them(alice: User) -> None:
    answer = saved(alice, replace(FIRST, items=({"signature": "s" * 5_000},)))

    assert prompt_after(answer, characters=1_000) == (Prompt("user", QUESTION),)
    _, called, *_ = prompt_after(answer, characters=1_000, model="m-2")
    assert isinstance(called, ModelOutput)
    assert called.items == ()
