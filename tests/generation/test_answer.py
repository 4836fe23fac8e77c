from __future__ import annotations

import tracemalloc

from chat.generation.answer import Answer
from chat.protocol.parts import LOOSE_PIECES

PIECES = 40 * LOOSE_PIECES + 7


def piece(number: int) -> str:
    """Return a new string object, like each piece from a model."""
    return f"token {number:05d} "


def test_the_text_is_its_beginning_plus_all_pieces_in_order() -> None:
    answer = Answer("Begun: ")
    for number in range(PIECES):
        answer.add(piece(number), len(piece(number)))
        if number in {0, LOOSE_PIECES - 2, LOOSE_PIECES - 1, LOOSE_PIECES}:
            assert answer.text == "Begun: " + "".join(map(piece, range(number + 1)))
    assert answer.text == "Begun: " + "".join(map(piece, range(PIECES)))
    assert answer.size == len(answer.text)
    assert answer.pieces == PIECES


def test_many_small_pieces_use_little_more_memory_than_their_text() -> None:
    tracemalloc.start()
    try:
        answer = Answer()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(PIECES):
            answer.add(piece(number), len(piece(number)))
        written = tracemalloc.get_traced_memory()[0] - before
        text = answer.text
        saved = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # As separate objects they would take more than five times the size of their text.
    assert len(text) <= written < 1.5 * len(text)
    # The saved text is the one already in memory, not a copy.
    assert saved < 1.5 * len(text)
