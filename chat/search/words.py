"""What somebody types to search, as words. No character of it can be an operator of any database's query language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from chat.wire import clean

# The punctuation of ASCII, and what else stands beside words. PostgreSQL's parser would read host names, paths and
# numbers out of it: there the index is made without these characters (migration 0006).
PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + "¡¿«»‹›“”„‘’‚–—…·•、。，．！？：；（）「」『』《》"
WORDS: Final = 16
CHARACTERS: Final = 100

_BETWEEN: Final = re.compile(rf"[\s\x00-\x1f\x7f{re.escape(PUNCTUATION)}]+")
_LETTER: Final = r"[^\W_]"


@dataclass(frozen=True, slots=True)
class Words:
    """All of them must be in a text, in any order; of the last, the beginning of a word is enough."""

    all: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Words:
        """At most 16 words, of at most 100 characters each: nobody types more to find something."""
        words = (word for word in _BETWEEN.split(clean(text)) if any(map(str.isalnum, word)))
        return cls(tuple(word[:CHARACTERS] for word, _ in zip(words, range(WORDS), strict=False)))

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def pattern(self) -> re.Pattern[str]:
        """Where one of them is in a text."""
        *whole, last = map(re.escape, self.all)
        alternatives = [*(rf"{word}(?!{_LETTER})" for word in whole), rf"{last}{_LETTER}*"]
        return re.compile(rf"(?<!{_LETTER})(?:{'|'.join(alternatives)})", re.IGNORECASE)
