"""Cursors: positions in the log of a run, which clients send to resume (docs/protocol.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

EPOCH_LENGTH: Final = 8
CURSOR_PATTERN: Final = f"[A-Za-z0-9]{{{EPOCH_LENGTH}}}\\.(?:0|[1-9][0-9]{{0,15}})"
_CURSOR = re.compile(CURSOR_PATTERN)


class BadCursor(ValueError):
    """The text is not a cursor. A well-formed cursor of another log does not raise it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event that a client has applied: `<epoch>.<seq>`. Seq 0 is before the first event."""

    epoch: str
    seq: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        if _CURSOR.fullmatch(text) is None:
            raise BadCursor("A cursor looks like <8 letters or digits>.<number>.")
        epoch, _, seq = text.partition(".")
        return cls(epoch, int(seq))

    def __str__(self) -> str:
        return f"{self.epoch}.{self.seq}"
