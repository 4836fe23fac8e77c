"""Knowing a text that was given already, without keeping it."""

from __future__ import annotations

from typing import Final

# So many characters tell one text from another; with its length they tell whether it begins with all of it.
_BEGINNING_CHARACTERS: Final = 64


class Repetition:
    """How a text that comes in pieces began, and how long it is.

    Some servers repeat the whole message when it is complete, or with every piece. A piece of a text that has the
    first 64 characters of all before it, and is at least as long, is taken for that.
    """

    def __init__(self) -> None:
        self._characters = 0
        self._pieces = 0
        self._beginning = ""

    def add(self, piece: str) -> None:
        """A piece that is not empty."""
        if self._characters < _BEGINNING_CHARACTERS:
            self._beginning = (self._beginning + piece)[:_BEGINNING_CHARACTERS]
        self._characters += len(piece)
        self._pieces += 1

    def rest(self, whole: str) -> str:
        """What this adds to the text, if it begins with all of it; else it is a piece itself."""
        if self._characters and len(whole) >= self._characters and whole.startswith(self._beginning):
            return whole[self._characters :]
        return whole

    def is_all(self, piece: str) -> bool:
        """Whether this is the whole text once more; of two pieces the second may be like the first."""
        return self._pieces > 1 and len(piece) == self._characters and piece.startswith(self._beginning)
