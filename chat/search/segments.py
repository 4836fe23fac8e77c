"""Texts split into matching and other segments, so that clients can highlight matches without markup."""

from __future__ import annotations

import re
from typing import Final

from chat.protocol.objects import Segment

BEFORE: Final = 60
LENGTH: Final = 220


def marked(text: str, pattern: re.Pattern[str]) -> list[Segment]:
    """The whole text as segments. Joined, they give the text."""
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


def snippet(part: str, place: int | None, pattern: re.Pattern[str], *, goes_on: bool) -> list[Segment]:
    """A line of about 220 characters around a place in part of a text; without a place, the beginning of the part.

    `goes_on`: whether the text continues after the part. The part must also contain the text just before the line.
    """
    begin = _word_after(part, place - BEFORE) if place is not None else 0
    end = begin + LENGTH
    line = " ".join(part[begin:end].split())
    return marked(f"{'…' if begin else ''}{line}{'…' if goes_on or end < len(part) else ''}", pattern)


def _word_after(text: str, position: int) -> int:
    """The start of the next word, or `position` itself if that is too far away."""
    if position <= 0:
        return 0
    space = re.compile(r"\s").search(text, position, position + BEFORE // 2)
    return space.end() if space else position
