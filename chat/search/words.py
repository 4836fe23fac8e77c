"""What somebody types to search, as words. No character of it can be an operator of any database's query language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from chat.protocol.untrusted_input import clean

# The punctuation of ASCII, and what else stands beside words. PostgreSQL's parser would read host names, paths and
# numbers out of it: there the index is made without these characters (migration 0006).
PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "¡¿«»‹›“”„‘’‚–—…·•、。，．！？：；（）「」『』《》"
WORDS: Final = 16
CHARACTERS: Final = 100
# Of all that is typed. What is beyond is not looked at.
TYPED: Final = 4096

# With what is no character (a NUL, half of a surrogate pair) and became U+FFFD.
_BETWEEN: Final = re.compile(rf"[\s\x00-\x1f\x7f\ufffd{re.escape(PUNCTUATION)}]+")
_LETTER: Final = r"[^\W_]"
# Thai, Lao, Burmese, Khmer, Japanese and Chinese have no space between words: what an index takes for a word there
# is a clause or a sentence.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class Words:
    """All of them must be in a text, in any order; of the last, the beginning of a word is enough.

    Those of a script without spaces may be anywhere in it. Of what was longer than a word may be (`cut`), the
    beginning is all that is known.
    """

    all: tuple[str, ...]
    cut: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Words:
        """At most 16 words, of at most 100 characters each: nobody types more to find something."""
        typed = (word for word in _BETWEEN.split(clean(text[:TYPED])) if any(map(str.isalnum, word)))
        words = list(islice(typed, WORDS))
        cut = frozenset(word[:CHARACTERS] for word in words if len(word) > CHARACTERS)
        return cls(tuple(word[:CHARACTERS] for word in words), cut)

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def spaced(self) -> tuple[str, ...]:
        """Those that an index of words can hold."""
        return tuple(word for word in self.all if not _UNSPACED.search(word))

    @property
    def unspaced(self) -> tuple[str, ...]:
        return tuple(filter(_UNSPACED.search, self.all))

    @property
    def begun(self) -> tuple[bool, ...]:
        """Of each of `spaced`, whether the beginning of a word is enough: it was cut, or nothing follows it."""
        spaced = self.spaced
        last = len(spaced) - 1 if spaced[-1:] == self.all[-1:] else None
        return tuple(word in self.cut or number == last for number, word in enumerate(spaced))

    @property
    def pattern(self) -> re.Pattern[str]:
        """Where one of them is in a text."""
        spaced = [
            rf"(?<!{_LETTER}){re.escape(word)}" + (f"{_LETTER}*" if is_begun else f"(?!{_LETTER})")
            for word, is_begun in zip(self.spaced, self.begun, strict=True)
        ]
        return re.compile("|".join([*spaced, *map(re.escape, self.unspaced)]), re.IGNORECASE)
