from __future__ import annotations

import pytest

from chat.search.places import Budget, Finder
from chat.search.words import Words

ENOUGH = 10_000_000


def place(words: str, text: str, *, budget: int = ENOUGH) -> int | None:
    return Finder(Words.parse(words)).any(text, 0, len(text), Budget(budget))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("her", "A Heron, there, hero."),
        ("grey her", "greyish Grey herons"),
        ("c 5", "abc 55 C+5"),
        ("ÄRGER", "im ärgerlichen"),
        ("鷺 hero", "青鷺 is a heron, herons"),
        ("grey 鷺", "greyish 青鷺が, grey"),
        ("タワー", "東京タワーから"),
        ("grey heron", "no word of it"),
        ("heron x", "xheron heronx heron"),
        ("heron x", "_heron_"),
        ("λόγος x", "ΛΌΓΟΣ"),
        ("ΛΌΓΟΣ", "ὁ λόγοσα"),
        ("istanbul x", "İİİ İstanbul"),
        ("straße x", "Die STRAẞE"),
        ("kelvin x", "0 \u212aelvin"),
        ("ſt x", "1st ST"),
        (f"{'k' * 120} x", f"j{'k' * 130} {'k' * 130}"),
        ("a\0b x", "ab a"),
    ],
)
def test_places_match_the_pattern_of_the_words(words: str, text: str) -> None:
    parsed = Words.parse(words)
    match = parsed.pattern.search(text)

    assert place(words, text) == (match.start() if match else None)


def test_words_are_found_only_within_the_bounds() -> None:
    finder, text = Finder(Words.parse("heron x")), "heron heron heron"

    assert finder.any(text, 1, len(text), Budget(ENOUGH)) == 6
    assert finder.any(text, 7, 12, Budget(ENOUGH)) is None
    assert finder.any(text, 7, 13, Budget(ENOUGH)) == 12


def test_the_longest_word_can_be_searched_alone() -> None:
    finder, text = Finder(Words.parse("a grey heron x")), "a grey heron, grey"

    assert finder.any(text, 0, len(text), Budget(ENOUGH)) == 0
    assert finder.longest(text, 0, len(text), Budget(ENOUGH)) == 7


@pytest.mark.parametrize("text", ["x" * 1000, "xa" * 1000, "aaab" * 1000, "İ" * 1000])
def test_the_cost_is_proportional_to_the_searched_text(text: str) -> None:
    finder, budget = Finder(Words.parse("a b")), Budget(ENOUGH)

    assert finder.any(text, 0, len(text), budget) is None
    assert len(text) <= ENOUGH - budget.left <= 40 * len(text)


def test_searching_stops_when_the_budget_is_used_up() -> None:
    text = "xa" * 100_000 + " a"

    assert place("a b", text) == len(text) - 1
    assert place("a b", text, budget=len(text) + 1000) is None
