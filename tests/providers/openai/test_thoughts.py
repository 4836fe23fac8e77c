"""Thoughts in the text of an answer, split anywhere."""

from __future__ import annotations

import json

import pytest

from chat.providers.base import Delta, Finish, ReasoningDelta, Recant, TextDelta
from chat.providers.openai.reader import AnswerReader
from chat.providers.openai.thoughts import Thoughts

# Name: (model output, thought, answer).
CASES = {
    "in tags": (
        "<think>\nFirst add.\n\n- then check\n</think>\n\nThe sum is **4**.",
        "First add.\n\n- then check",
        "The sum is **4**.",
    ),
    "after white space": ("\n <think>a</think>b", "a", "b"),
    "thinking": ("<thinking>a < b</thinking>\n\nc", "a < b", "c"),
    "thought": ("<Thought>a</Thought> c", "a", "c"),
    "not closed": ("<think>a </thi", "a </thi", ""),
    "empty": ("<think>\n\n</think>\n\nHello", "", "Hello"),
    "twice": ("<think>a</think>\n<think>b</think>\nc", "ab", "c"),
    "without its opening": (
        "Let me see.\nIt is 4.\n</think>\n\nThe sum is **4**.",
        "Let me see.\nIt is 4.",
        "The sum is **4**.",
    ),
    "without its opening, at the end of a line": ("Let me see.</think>\n\n4", "Let me see.", "4"),
    "without its opening, and no answer": ("Let me see.</think>", "Let me see.", ""),
    "none": ("1 < 2 and <b>bold</b> <thin>", "", "1 < 2 and <b>bold</b> <thin>"),
    "in the middle of prose": (
        "Use <think> and </think> so.\n</think>\nend",
        "",
        "Use <think> and </think> so.\n</think>\nend",
    ),
    "a closing tag in prose": ("The </think> tag ends it.", "", "The </think> tag ends it."),
    "a closing tag as code": (
        "Write `\n</think>\n` or `</think>`\nend",
        "",
        "Write `\n</think>\n` or `</think>`\nend",
    ),
    "a closing tag in a fence": ("Write:\n```xml\nx\n</think>\n```\nend", "", "Write:\n```xml\nx\n</think>\n```\nend"),
    "a tag as code at the beginning": ("`<think>` is a tag.", "", "`<think>` is a tag."),
    "a closing tag after a thought": ("<think>a</think>b\n</think>\nc", "a", "b\n</think>\nc"),
    "blank": ("  ", "", "  "),
}


def said(deltas: list[Delta]) -> tuple[str, str]:
    """The thought and the answer that remain at the end."""
    thought = answer = ""
    for delta in deltas:
        if isinstance(delta, ReasoningDelta):
            thought += delta.text
        elif isinstance(delta, TextDelta):
            answer += delta.text
        elif isinstance(delta, Recant):
            thought, answer = thought + answer, ""
    return thought.strip(), answer


def sort(*pieces: str) -> list[Delta]:
    thoughts = Thoughts()
    deltas = [delta for piece in pieces for delta in thoughts.sort([TextDelta(piece)], is_over=False)]
    return deltas + thoughts.sort([Finish("stop")], is_over=True)


@pytest.mark.parametrize("name", CASES)
def test_thoughts_are_separated_from_the_answer_at_any_split(name: str) -> None:
    text, thought, answer = CASES[name]

    assert said(sort(text)) == (thought, answer)
    assert said(sort(*text)) == (thought, answer)
    for at in range(len(text)):
        assert said(sort(text[:at], text[at:])) == (thought, answer), at


def test_text_that_cannot_be_a_tag_is_not_held_back() -> None:
    thoughts = Thoughts()

    assert thoughts.sort([TextDelta("Hello")], is_over=False) == [TextDelta("Hello")]
    assert thoughts.sort([TextDelta(" world <")], is_over=False) == [TextDelta(" world ")]
    assert thoughts.sort([TextDelta("3")], is_over=False) == [TextDelta("<"), TextDelta("3")]


def test_the_finish_is_last() -> None:
    assert sort("<think>a")[-1] == Finish("stop")
    assert sort("a <")[-2:] == [TextDelta("<"), Finish("stop")]


def stream(*pieces: str) -> bytes:
    chunks = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    return b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks)


def test_a_server_answer_has_its_thoughts_separated() -> None:
    reader = AnswerReader()

    deltas = reader.feed(stream("<thi", "nk>\nHm.", "\n</think>\n", "\nFour") + b"data: [DONE]\n\n")

    assert said(deltas) == ("Hm.", "Four")


def test_held_back_text_is_not_lost_when_the_server_disconnects() -> None:
    reader = AnswerReader()

    deltas = reader.feed(stream("It is 3 <")) + reader.close()

    assert reader.failure is not None
    assert said(deltas) == ("", "It is 3 <")
