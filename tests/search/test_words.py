from __future__ import annotations

import pytest

from chat.search.words import CHARACTERS, WORDS, Words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grey heron", ("grey", "heron")),
        ("  grey\n\theron ", ("grey", "heron")),
        ('"grey" AND (heron* OR -crane)', ("grey", "AND", "heron", "OR", "crane")),
        ("NEAR(a b, 5) text:x {y}^2", ("NEAR", "a", "b", "5", "text", "x", "y", "2")),
        ("it's a_b c\\d 'e'", ("it", "s", "a", "b", "c", "d", "e")),
        ("grey\0heron \ud800x", ("grey", "heron", "x")),
        ("a\0b\ufffdc", ("a", "b", "c")),
        ("„Reiher“ — été Straße 鷺", ("Reiher", "été", "Straße", "鷺")),
        ("😀 !!! -- \0", ()),
        ("", ()),
    ],
)
def test_a_text_becomes_words(text: str, words: tuple[str, ...]) -> None:
    assert Words.parse(text).all == words


def test_ten_kilobytes_become_a_few_short_words() -> None:
    assert len(Words.parse("word " * 2000).all) == WORDS
    assert Words.parse("x" * 10_000).all == ("x" * CHARACTERS,)
    assert Words.parse('"' * 10_000).all == ()


def test_a_truncated_word_matches_as_a_prefix_at_any_position() -> None:
    long = "x" * (CHARACTERS + 1)
    words = Words.parse(f"{long} y{'y' * CHARACTERS} {'z' * CHARACTERS} heron 鷺")
    assert words.begun == (True, True, False, False)
    assert Words.parse("heron crane").begun == (False, True)
    assert [match[0] for match in words.pattern.finditer(f"{long}x {'z' * CHARACTERS}z herons heron")] == [
        f"{long}x",
        "heron",
    ]


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("her", "A Heron, there, hero.", ["Heron", "hero"]),
        ("grey her", "greyish Grey herons", ["Grey", "herons"]),
        ("c 5", "C+5 abc 55", ["C", "5", "55"]),
        ("ÄRGER", "ärgerlich", ["ärgerlich"]),
        ("鷺 hero", "青鷺 is a heron, herons", ["鷺", "heron", "herons"]),
        ("grey 鷺", "青鷺が greyish, grey", ["鷺", "grey"]),
        ("タワー", "東京タワーから", ["タワー"]),
    ],
)
def test_parsed_words_match_in_texts(words: str, text: str, found: list[str]) -> None:
    assert [match[0] for match in Words.parse(words).pattern.finditer(text)] == found
