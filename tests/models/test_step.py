"""The model calls behind an answer that used tools (chat/models/step.py)."""

from __future__ import annotations

import pytest

from chat.models import Message, User
from chat.models.step import StepRecord, steps_of
from tests.models.test_turn import turn

pytestmark = pytest.mark.django_db

CALL = {
    "call_id": "c12345678",
    "name": "search",
    "arguments": '{"q": "herons"}',
    "content": "A bird.",
    "is_error": False,
}
FIRST = StepRecord(
    number=0,
    provider="openai",
    model="m-1",
    text="I look.",
    finish_reason="tool_calls",
    calls=(CALL,),  # type: ignore[arg-type]
    items=({"role": "assistant", "signature": "abc"},),
    usage={"input_tokens": 9, "output_tokens": 4},
)
LAST = StepRecord(number=1, provider="openai", model="m-1", text="A bird.", finish_reason="stop")


def test_steps_are_saved_with_their_turn(alice: User) -> None:
    answer = turn(alice, steps=(FIRST, LAST)).save()

    assert steps_of(Message.objects.get(pk=answer.pk)) == [FIRST, LAST]


def test_a_repeated_save_writes_them_once(alice: User) -> None:
    finished = turn(alice, steps=(FIRST, LAST))
    finished.save()

    assert finished.save().steps.count() == 2


def test_an_answer_without_tools_has_none(alice: User) -> None:
    assert turn(alice).save().steps.count() == 0


def test_values_invalid_for_databases_are_replaced(alice: User) -> None:
    strange = StepRecord(
        number=0,
        provider="p" * 100,
        model="m",
        text="a\0b\ud800",
        finish_reason="stop",
        calls=({**CALL, "content": "nul\0"},),  # type: ignore[arg-type,typeddict-item]
        items=({"half": "\udfff", "none": float("nan")},),
    )

    [kept] = steps_of(turn(alice, steps=(strange,)).save())

    assert kept.provider == "p" * 60
    assert kept.text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert kept.calls[0]["content"] == "nul\N{REPLACEMENT CHARACTER}"
    assert kept.items == ({"half": "\N{REPLACEMENT CHARACTER}", "none": None},)
