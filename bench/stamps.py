"""Tokens that say when the model wrote them: four characters of the machine's monotonic clock, and a space.

All processes of one machine share that clock. Five bytes is also about what a token of English takes.
"""

from __future__ import annotations

import time
from typing import Final

ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TOKEN_BYTES: Final = 5
TICKS_PER_SECOND: Final = 10_000
TICKS_PER_MS: Final = 10
# The clock comes round after 28 minutes, which no delay does.
_MASK: Final = (1 << 24) - 1
_PAIRS: Final = [bytes((high, low)) for high in ALPHABET for low in ALPHABET]
_VALUES: Final = {pair: value for value, pair in enumerate(_PAIRS)}


def now() -> int:
    """The time in ticks."""
    return int(time.monotonic() * TICKS_PER_SECOND)


def token(ticks: int) -> bytes:
    ticks &= _MASK
    return _PAIRS[ticks >> 12] + _PAIRS[ticks & 4095] + b" "


def delays(text: bytes, ticks: int) -> list[int]:
    """How long ago, in ticks, each token of a text of whole tokens was written."""
    return [
        (ticks - (_VALUES[text[at : at + 2]] << 12 | _VALUES[text[at + 2 : at + 4]])) & _MASK
        for at in range(0, len(text), TOKEN_BYTES)
    ]
