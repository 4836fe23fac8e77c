"""Joins neighbouring text deltas, because how a text is split is not part of an answer."""

from __future__ import annotations

from collections.abc import Iterable

from chat.providers.base import Delta, ReasoningDelta, TextDelta


def joined(deltas: Iterable[Delta]) -> list[Delta]:
    whole: list[Delta] = []
    for delta in deltas:
        last = whole[-1] if whole else None
        if isinstance(last, TextDelta) and isinstance(delta, TextDelta):
            whole[-1] = TextDelta(last.text + delta.text, last.pieces + delta.pieces)
        elif isinstance(last, ReasoningDelta) and isinstance(delta, ReasoningDelta):
            whole[-1] = ReasoningDelta(last.text + delta.text, last.pieces + delta.pieces)
        else:
            whole.append(delta)
    return whole
