"""Where a word stands in a text, found at the pace of `str.find`.

A regular expression of many words is thirty times slower, and holds the interpreter all the while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chat.search.words import Words

# What lower() leaves apart and both indexes, or people, take for the same letter.
_SAME: Final = (("ς", "σ"), ("ſ", "s"), ("µ", "μ"))
# What it costs to look at the letters beside a word, in characters that are looked through meanwhile.
LOOK: Final = 32


class Budget:
    """How many characters may still be looked through."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def spend(self, characters: int) -> None:
        self.left -= characters


@dataclass(frozen=True, slots=True)
class _Needle:
    """A word, folded, and which of its ends must be the end of a word in the text, too."""

    word: str
    has_begin: bool
    has_end: bool


class Finder:
    """Finds words in texts. A hit holds all of them: in a long one it is enough to look for one."""

    def __init__(self, words: Words) -> None:
        spaced = [
            _Needle(_folded(word), has_begin=True, has_end=not begun)
            for word, begun in zip(words.spaced, words.begun, strict=True)
        ]
        unspaced = [_Needle(_folded(word), has_begin=False, has_end=False) for word in words.unspaced]
        self._all = tuple(dict.fromkeys([*spaced, *unspaced]))
        self._longest = (max(self._all, key=lambda needle: len(needle.word)),)

    def any(self, text: str, begin: int, end: int, budget: Budget) -> int | None:
        """Where the first of the words begins, within the borders. None, too, when the budget is used up."""
        return self._first(self._all, text, begin, end, budget)

    def longest(self, text: str, begin: int, end: int, budget: Budget) -> int | None:
        """As `any`, of the longest word alone, which is the least work."""
        return self._first(self._longest, text, begin, end, budget)

    def _first(self, needles: tuple[_Needle, ...], text: str, begin: int, end: int, budget: Budget) -> int | None:
        budget.spend(end - begin)
        text = _folded(text)
        found = None
        for needle in needles:
            place = _place(text, needle, begin, end, budget)
            if place is not None:
                # Others are of interest only before this one.
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
    """Without the difference of cases, and as long as it was."""
    # The only letter that lower() makes two of.
    folded = text.replace("İ", "I").lower()
    for letter, same in _SAME:
        folded = folded.replace(letter, same)
    return folded
