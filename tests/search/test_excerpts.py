"""These tests are for both databases: run them with `python -m tests.postgres`, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.models import Conversation, Message, User
from chat.search import hits
from chat.search.excerpts import BEGINNING, BUDGET, OVERLAP, PART, excerpts
from chat.search.segments import LENGTH
from chat.search.words import WORDS, Words

MIB = 1024 * 1024
SIXTEEN = " ".join(f"word{number:x}" for number in range(WORDS))
READ = re.compile(r'SUBSTR(?:ING)?\("chat_message"\."text", \d+, (\d+)\)')


class CountedPattern:
    """Counts the characters that are handed to a regular expression."""

    def __init__(self, words: Words) -> None:
        self._pattern = words.pattern
        self.characters = 0

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        self.characters += len(text)
        return self._pattern.finditer(text)


class Search:
    """The excerpts of some messages, with the queries and the characters matched for them."""

    def __init__(self, query: str, messages: list[Message], *, characters: int = BUDGET) -> None:
        words = Words.parse(query)
        pattern = CountedPattern(words)
        with CaptureQueriesContext(connection) as queries:
            found = excerpts(
                [each.pk for each in messages], words, cast(re.Pattern[str], pattern), characters=characters
            )
        self.lines = {pk: "".join(f"[{each['text']}]" if each["match"] else each["text"] for each in line)
                      for pk, line in found.items()}  # fmt: skip
        self.statements = [each["sql"] for each in queries]
        self.matched = pattern.characters

    def line(self, message: Message) -> str:
        pk: UUID = message.pk
        return self.lines[pk]

    @property
    def read(self) -> int:
        """Characters read after the beginnings. Each part counts at its full size."""
        lengths = [int(length) for sql in self.statements for length in READ.findall(sql)]
        assert len(lengths) == len(self.statements)
        return sum(length for length in lengths if length == PART)


def write(owner: User, *texts: str) -> list[Message]:
    conversation = Conversation.objects.create(owner=owner, title="Long")
    made = [Message(conversation=conversation, owner=owner, role="user", text=text) for text in texts]
    return Message.objects.bulk_create(made, batch_size=10)


def deep(length: int, words: str = SIXTEEN, *, filling: str = "lorem ") -> str:
    """A text of this length that ends with the words."""
    return (filling * (length // len(filling) + 1))[: length - len(words) - 1] + " " + words


@pytest.mark.parametrize(
    "at",
    [
        0, 1, LENGTH, BEGINNING - OVERLAP - 6, BEGINNING - OVERLAP - 5, BEGINNING - OVERLAP, BEGINNING - 6,
        BEGINNING - 3, BEGINNING, BEGINNING + PART - 2 * OVERLAP - 3, BEGINNING + PART, BEGINNING + PART - 3 * OVERLAP,
        BEGINNING + PART - 3 * OVERLAP - 3, 90_000, 3 * PART, 10 * PART,
    ],
)  # fmt: skip
def test_a_word_is_shown_wherever_it_stands(alice: User, at: int) -> None:
    before, after = ("lorem " * (at // 6 + 1))[:at], " and ipsum" * 9000
    begun, between, ending = write(
        alice, f"{before} herons{after}", f"{before} heron bird{after}", f"{before} the heron"
    )

    found = Search("bird heron", [begun, between, ending])

    for message in (begun, between, ending):
        line = found.line(message)
        assert "[heron" in line, line
        assert line.startswith("…") is (at > LENGTH) or at <= LENGTH
        assert len(line) < LENGTH + 10
    assert " and ipsum and" in found.line(between)
    assert found.line(between).endswith("…")
    assert not found.line(ending).endswith("…")


def test_matches_near_part_boundaries_are_found(alice: User) -> None:
    """A search part by part finds every word that a border cuts, as a search of the whole text does."""
    border = BEGINNING - 2 * OVERLAP + PART
    places = [*range(BEGINNING - OVERLAP - 8, BEGINNING - OVERLAP + 3), *range(border - OVERLAP - 8, border + 3)]
    messages = write(alice, *["x" * place + " heron " + "y" * 2000 for place in places])

    found = Search("heron", messages, characters=1000 * BUDGET)

    assert [place for place, each in zip(places, messages, strict=True) if "[heron]" not in found.line(each)] == []


@pytest.mark.parametrize("text", ["", "heron", "a heron", "x" * BEGINNING, "x" * (BEGINNING - 1), "heron " * 100_000])
def test_short_and_odd_texts_have_lines_too(alice: User, text: str) -> None:
    [message] = write(alice, text)

    assert len(Search("heron", [message]).line(message).replace("[", "").replace("]", "")) <= LENGTH + 2


def test_twenty_hits_at_the_ends_of_the_longest_messages_are_all_shown(alice: User) -> None:
    messages = write(alice, *[deep(98_000)] * 20)

    found = Search(SIXTEEN, messages)

    assert all("[word" in found.line(each) for each in messages)


def test_a_search_of_sixteen_words_in_two_hundred_long_texts_is_bounded(alice: User) -> None:
    """This once blocked the site for ten seconds: a regular expression went through 19.6 million characters."""
    messages = write(alice, *[deep(98_000)] * 200)

    found = Search(SIXTEEN, messages)

    assert found.matched <= 200 * (LENGTH + 2)
    assert found.read <= 2 * BUDGET
    shown = ["[word" in found.line(each) for each in messages]
    assert sum(shown) >= 10
    assert all(found.line(each) for each in messages)
    for message, is_found in zip(messages, shown, strict=True):
        if not is_found:
            assert found.line(message) == ("lorem " * 40)[:LENGTH].rstrip() + "…"
    # The control: the budget is what bounds it.
    unbounded = Search(SIXTEEN, messages, characters=1000 * BUDGET)
    assert unbounded.read >= 200 * PART
    assert all("[word" in unbounded.line(each) for each in messages)


@pytest.mark.parametrize(
    ("query", "filling"),
    [
        (SIXTEEN, "x"),
        (" ".join("abcdefghijklmnop"), "abcdefghijklmnop"),
        (" ".join("a" * 80 + letter for letter in "bcdefghijklmnopq"), "a"),
        ("あ" * 99 + "い", "あ"),
        ("x", "y" * 4000 + "xz"),
        ("Σ " * 16, "ς"),
        ("İ" * 100, "İ"),
    ],
    ids=["one token", "letters", "nearly the words", "nearly the signs", "a letter in words", "sigmas", "dotted"],
)
def test_texts_crafted_to_be_slow_stay_within_the_budget(alice: User, query: str, filling: str) -> None:
    messages = write(alice, *[(filling * (MIB // len(filling) + 1))[:MIB]] * 10)

    found = Search(query, messages)

    assert found.read <= BUDGET + 10 * PART
    assert found.matched <= 10 * (LENGTH + 2)
    assert len(found.lines) == 10


def test_the_unused_budget_of_a_text_goes_to_later_ones(alice: User) -> None:
    """The first texts have a match early. The last one has its match far beyond an equal share."""
    near, far = deep(100_000), deep(10 * PART)
    messages = write(alice, *[near] * 3, far)
    order = Search(SIXTEEN, messages, characters=17 * PART)

    assert "[word" in order.line(messages[3])


def test_finding_hits_does_not_load_message_texts(alice: User) -> None:
    write(alice, *[deep(98_000)] * 3)
    with CaptureQueriesContext(connection) as queries:
        found = hits.find(alice, Words.parse(SIXTEEN), after=None, limit=100)

    assert len(found) == 3
    selected: list[Any] = [each["sql"].partition(" FROM ")[0] for each in queries]
    assert len(selected) == 2
    assert not any('"text"' in each or '"instructions"' in each for each in selected)


def test_messages_of_other_users_are_never_read(alice: User, charlie: User) -> None:
    """Only messages that were found are read, and only the owner's are found."""
    [mine], [theirs] = write(alice, "my heron"), write(charlie, "their heron")
    found = hits.find(alice, Words.parse("heron"), after=None, limit=10)

    assert [hit.message for hit in found] == [mine]
    assert theirs not in [hit.message for hit in found]
