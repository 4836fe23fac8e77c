"""Texts as segments that either match or do not: whoever shows them needs no markup."""

from __future__ import annotations

import re
from typing import Final, TypedDict

BEFORE: Final = 60
LENGTH: Final = 220


class Segment(TypedDict):
    text: str
    match: bool


def marked(text: str, pattern: re.Pattern[str]) -> list[Segment]:
    """The whole text. Joined, the segments are the text."""
    segments: list[Segment] = []
    end = 0
    for found in pattern.finditer(text):
        if found.start() > end:
            segments.append({"text": text[end : found.start()], "match": False})
        segments.append({"text": found[0], "match": True})
        end = found.end()
    if end < len(text):
        segments.append({"text": text[end:], "match": False})
    return segments


def snippet(text: str, pattern: re.Pattern[str]) -> list[Segment]:
    """A line of about 220 characters around the first match; the beginning of the text if there is none."""
    found = pattern.search(text)
    begin = _word_after(text, found.start() - BEFORE) if found else 0
    end = begin + LENGTH
    line = " ".join(text[begin:end].split())
    return marked(f"{'…' if begin else ''}{line}{'…' if end < len(text) else ''}", pattern)


def _word_after(text: str, position: int) -> int:
    """The next place at which a word begins, unless that is far away."""
    if position <= 0:
        return 0
    space = re.compile(r"\s").search(text, position, position + BEFORE // 2)
    return space.end() if space else position
