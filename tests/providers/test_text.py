from __future__ import annotations

import pytest

from chat.protocol.untrusted_input import clean
from chat.providers.text import Joiner


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("😀 日本\n\t", "😀 日本\n\t"),
        ("a\0b", "a\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00x", "\ufffd😀x"),
        ("\ud83dx\0", "\ufffdx\ufffd"),
    ],
)
def test_clean_text_can_be_encoded_and_stored(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert clean(cleaned) == cleaned
    cleaned.encode()


@pytest.mark.parametrize("text", ["a\ud83d\ude00b", "\ud83d", "\ud83d\ud83d\ude00\ude00", "\0\ud83d\ude00\0"])
def test_pieces_join_to_the_same_however_they_are_split(text: str) -> None:
    for at in range(len(text) + 1):
        joiner = Joiner()
        assert joiner.push(text[:at]) + joiner.push(text[at:]) + joiner.close() == clean(text)


def test_nothing_is_held_after_the_end() -> None:
    joiner = Joiner()
    joiner.push("\ud83d")

    assert joiner.close() == "\ufffd"
    assert joiner.close() == ""
