"""Recognizes text that is repeated, without storing it."""

from __future__ import annotations

from typing import Final

# This many characters identify a text; with its length they show whether another text starts with it.
_BEGINNING_CHARACTERS: Final = 64


class Repetition:
    """The beginning and the length of a text that arrives in pieces.

    Some servers repeat the whole message at the end, or with every piece. A piece that starts with the first 64
    characters of the text so far, and is at least as long, is treated as a repetition.
    """

    def __init__(self) -> None:
        self._characters = 0
        self._pieces = 0
        self._beginning = ""

    def __bool__(self) -> bool:
        return self._characters > 0

    def add(self, piece: str) -> None:
        """Add a piece, which must not be empty."""
        if self._characters < _BEGINNING_CHARACTERS:
            self._beginning = (self._beginning + piece)[:_BEGINNING_CHARACTERS]
        self._characters += len(piece)
        self._pieces += 1

    def rest(self, whole: str) -> str:
        """The part of `whole` after the text so far, if it starts with that; otherwise all of it."""
        if self._characters and len(whole) >= self._characters and whole.startswith(self._beginning):
            return whole[self._characters :]
        return whole

    def is_all(self, piece: str) -> bool:
        """Whether this piece repeats the whole text. Never for the second piece, which may just equal the first."""
        return self._pieces > 1 and len(piece) == self._characters and piece.startswith(self._beginning)
