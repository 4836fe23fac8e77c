from __future__ import annotations

import pytest

from chat.protocol.cursors import BadCursor, Cursor
from chat.protocol.events import Entry, answer, merge


@pytest.mark.parametrize(
    "text",
    ["", "abc", "-1", "1e309", "abcdefgh", "abcdefgh.", "abcdefgh.-1", "abcdefgh.01", "abcdefgh.1 ", " abcdefgh.1",
     "abcdefg.1", "abcdefghi.1", "abcdefgh.1.2", "abcdefgh.1\n", "abcdefgh.1\r\nX: y", "abcdefgh.\0", "a" * 10_000,
     "abcdefgh.99999999999999999", "abcdefgh.١"],
)  # fmt: skip
def test_an_invalid_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text)


def test_a_cursor_survives_a_round_trip() -> None:
    assert Cursor.parse(str(Cursor("aB3dEf9h", 12))) == Cursor("aB3dEf9h", 12)


def entries(*items: tuple[str, str, str | None]) -> list[Entry]:
    return [
        Entry(seq, name, {"text": text} | ({"agent": agent} if agent else {}))
        for seq, (name, text, agent) in enumerate(items, start=1)
    ]


def test_only_neighbours_of_the_same_kind_and_agent_are_merged() -> None:
    log = entries(
        ("token", "a", None), ("token", "b", None), ("reasoning", "c", None), ("token", "d", "x"),
        ("token", "e", "x"), ("token", "f", "y"), ("status", "g", None), ("status", "h", None),
    )  # fmt: skip
    merged = merge(log)
    assert [(entry.seq, entry.name, entry.data["text"]) for entry in merged] == [
        (2, "token", "ab"), (3, "reasoning", "c"), (5, "token", "de"), (6, "token", "f"), (7, "status", "g"),
        (8, "status", "h"),
    ]  # fmt: skip
    assert log[0].data["text"] == "a", "merging changes no entry"


def test_the_answer_is_the_text_since_the_last_reset() -> None:
    log = [Entry(1, "token", {"text": "old"}), Entry(2, "reset", {}), Entry(3, "token", {"text": "new"})]
    assert answer(log) == "new"
