"""Parses a search query into words. No character of them is an operator in a database's query language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from chat.protocol.untrusted_input import clean

# ASCII and other punctuation. PostgreSQL's parser would turn it into host names, paths and numbers, so its index is
# built without these characters (migration 0006).
PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "¡¿«»‹›“”„‘’‚–—…·•、。，．！？：；（）「」『』《》"
WORDS: Final = 16
CHARACTERS: Final = 100
# Longer queries are cut to this many characters.
TYPED: Final = 4096

# Includes U+FFFD, which replaces invalid characters such as NUL and lone surrogates.
_BETWEEN: Final = re.compile(rf"[\s\x00-\x1f\x7f\ufffd{re.escape(PUNCTUATION)}]+")
_LETTER: Final = r"[^\W_]"
# Thai, Lao, Burmese, Khmer, Japanese and Chinese have no spaces between words, so an index would treat a whole clause
# or sentence as one word.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a query. A text must contain all of them, in any order; the last one may be the start of a word.

    Words of scripts without spaces may be anywhere in the text. `cut`: words that were too long, of which only the
    beginning is known.
    """

    all: tuple[str, ...]
    cut: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Words:
        """Parse at most 16 words of at most 100 characters each."""
        typed = (word for word in _BETWEEN.split(clean(text[:TYPED])) if any(map(str.isalnum, word)))
        words = list(islice(typed, WORDS))
        cut = frozenset(word[:CHARACTERS] for word in words if len(word) > CHARACTERS)
        return cls(tuple(word[:CHARACTERS] for word in words), cut)

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def spaced(self) -> tuple[str, ...]:
        """The words that the index can find."""
        return tuple(word for word in self.all if not _UNSPACED.search(word))

    @property
    def unspaced(self) -> tuple[str, ...]:
        return tuple(filter(_UNSPACED.search, self.all))

    @property
    def begun(self) -> tuple[bool, ...]:
        """For each of `spaced`, whether it matches as a prefix: it was cut, or it is the last word."""
        spaced = self.spaced
        last = len(spaced) - 1 if spaced[-1:] == self.all[-1:] else None
        return tuple(word in self.cut or number == last for number, word in enumerate(spaced))

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches any of the words in a text."""
        spaced = [
            rf"(?<!{_LETTER}){re.escape(word)}" + (f"{_LETTER}*" if is_begun else f"(?!{_LETTER})")
            for word, is_begun in zip(self.spaced, self.begun, strict=True)
        ]
        return re.compile("|".join([*spaced, *map(re.escape, self.unspaced)]), re.IGNORECASE)
