"""Finds words in texts at the speed of `str.find`.

A regular expression of many words is thirty times slower and holds the GIL all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chat.search.words import Words

# Letters that lower() keeps distinct, but that both indexes, or people, treat as the same.
_SAME: Final = (("ς", "σ"), ("ſ", "s"), ("µ", "μ"))
# The cost of checking the letters next to a word, in characters that could be searched in the same time.
LOOK: Final = 32


class Budget:
    """How many more characters may be searched."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def spend(self, characters: int) -> None:
        self.left -= characters


@dataclass(frozen=True, slots=True)
class _Needle:
    """A case-folded word, and which of its ends must be at a word boundary in the text."""

    word: str
    has_begin: bool
    has_end: bool


class Finder:
    """Finds words in texts. A hit contains all of the words, so in a long text it is enough to find one."""

    def __init__(self, words: Words) -> None:
        spaced = [
            _Needle(_folded(word), has_begin=True, has_end=not begun)
            for word, begun in zip(words.spaced, words.begun, strict=True)
        ]
        unspaced = [_Needle(_folded(word), has_begin=False, has_end=False) for word in words.unspaced]
        self._all = tuple(dict.fromkeys([*spaced, *unspaced]))
        self._longest = (max(self._all, key=lambda needle: len(needle.word)),)

    def any(self, text: str, begin: int, end: int, budget: Budget) -> int | None:
        """The position of the first match of any word between `begin` and `end`. None if the budget is used up."""
        return self._first(self._all, text, begin, end, budget)

    def longest(self, text: str, begin: int, end: int, budget: Budget) -> int | None:
        """Like `any`, but only for the longest word, which is the fastest to find."""
        return self._first(self._longest, text, begin, end, budget)

    def _first(self, needles: tuple[_Needle, ...], text: str, begin: int, end: int, budget: Budget) -> int | None:
        budget.spend(end - begin)
        text = _folded(text)
        found = None
        for needle in needles:
            place = _place(text, needle, begin, end, budget)
            if place is not None:
                # Only an earlier match of another word matters now.
                found = end = place
        return found


def _place(text: str, needle: _Needle, begin: int, end: int, budget: Budget) -> int | None:
    length = len(needle.word)
    place = text.find(needle.word, begin, end + length - 1)
    while place >= 0:
        begins = not needle.has_begin or not _is_letter(text, place - 1)
        if begins and (not needle.has_end or not _is_letter(text, place + length)):
            return place
        budget.spend(LOOK)
        if budget.left < 0:
            return None
        place = text.find(needle.word, place + 1, end + length - 1)
    return None


def _is_letter(text: str, place: int) -> bool:
    return 0 <= place < len(text) and text[place].isalnum()


def _folded(text: str) -> str:
    """Lower-case the text without changing its length."""
    # The only letter whose lower() has two characters.
    folded = text.replace("İ", "I").lower()
    for letter, same in _SAME:
        folded = folded.replace(letter, same)
    return folded
