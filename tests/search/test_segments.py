from __future__ import annotations

import re

from chat.protocol.objects import Segment
from chat.search.segments import marked, snippet

HERON = re.compile("heron", re.IGNORECASE)


def line_of(text: str) -> list[Segment]:
    """The snippet of a whole text, around its first heron."""
    found = HERON.search(text)
    return snippet(text, found.start() if found else None, HERON, goes_on=False)


def joined(segments: list[Segment]) -> str:
    return "".join(segment["text"] for segment in segments)


def test_matches_are_marked_and_nothing_is_changed() -> None:
    assert marked("Heron <b>& heron</b>", HERON) == [
        {"text": "Heron", "match": True},
        {"text": " <b>& ", "match": False},
        {"text": "heron", "match": True},
        {"text": "</b>", "match": False},
    ]
    assert marked("crane", HERON) == [{"text": "crane", "match": False}]
    assert marked("", HERON) == []


def test_a_snippet_is_a_line_around_the_first_match() -> None:
    found = line_of("before " * 100 + "\n\n the Heron \t and " + "after " * 100)

    line = joined(found)
    assert line.startswith("…before before")
    assert line.endswith("…")
    assert " the Heron and after" in line
    assert len(line) < 225
    assert [segment["text"] for segment in found if segment["match"]] == ["Heron"]


def test_a_short_text_is_its_own_snippet() -> None:
    assert line_of("A heron.") == [
        {"text": "A ", "match": False}, {"text": "heron", "match": True}, {"text": ".", "match": False},
    ]  # fmt: skip


def test_the_snippet_without_a_match_is_the_beginning() -> None:
    assert joined(line_of("x" * 1000)) == "x" * 220 + "…"


def test_an_overlong_word_is_truncated() -> None:
    found = line_of("x" * 10_000 + " heron " + "y" * 10_000)

    assert any(segment["match"] for segment in found)
    assert len(joined(found)) < 225
