"""What is sent to the model of a result, and what is saved."""

from __future__ import annotations

import random
import re

import pytest

from chat.tools.base import SAVED_BYTES, TOLD_BYTES, Result
from chat.tools.results import cut, result_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, "Done."),
        (7, "7"),
        ({"b": [1, None], "a": "é"}, '{"a":"é","b":[1,null]}'),
    ],
)
def test_a_value_is_converted_to_text(value: object, text: str) -> None:
    assert result_of(value) == Result(text, value, text, len(text.encode()))


def test_a_tool_may_return_a_text_beside_its_value() -> None:
    assert result_of(Result("two birds", [1, 2])) == Result("two birds", [1, 2], "two birds", 9)


def test_a_long_text_keeps_its_head_and_tail() -> None:
    text = "A" * 50_000 + "B" * 50_000 + "C" * 50_000
    found = result_of(text)
    for kept, limit in ((found.text, TOLD_BYTES), (found.saved, SAVED_BYTES)):
        assert limit - 200 < len(kept) <= limit
        missing = re.search(r"A\n\[(\d+) bytes are left out here\]\nC", kept)
        assert missing
        assert int(missing[1]) == 150_000 - kept.count("A") - kept.count("C")
        assert kept.count("A") > 2 * kept.count("C") > 0
    assert found.size == 150_000
    assert found.value is None


def test_no_character_is_split() -> None:
    seed = random.Random(1)
    for _ in range(200):
        text = "".join(seed.choice("aé€😀") for _ in range(seed.randrange(200, 600)))
        limit = seed.randrange(100, 300)
        kept = cut(text, limit)
        assert len(kept.encode()) <= limit
        head, note, tail = re.split(r"\n(\[\d+ bytes are left out here\])\n", kept)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert int(re.findall(r"\d+", note)[0]) == len(text.encode()) - len((head + tail).encode())


def test_the_value_must_be_valid_json() -> None:
    assert result_of((1, 2)).value == [1, 2]
    for value in (object(), {"a": "\ud800"}, float):
        with pytest.raises((TypeError, ValueError)):
            result_of(value)


def test_characters_invalid_for_databases_are_replaced() -> None:
    assert result_of("a\0\ud800") == Result("a\ufffd\ufffd", "a\ufffd\ufffd", "a\ufffd\ufffd", 7)
    assert result_of({"a": "\0"}).value == {"a": "\ufffd"}
