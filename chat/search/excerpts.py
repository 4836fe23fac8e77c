"""The excerpts of found messages: one line of each, around a match.

Texts are never loaded whole. The beginnings of all messages are read in one query; a text without a match there is
searched part by part within the search's budget. If that is used up, the excerpt is the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db.models.functions import Substr

from chat.models import Message
from chat.protocol.objects import Segment
from chat.search.places import Budget, Finder
from chat.search.segments import LENGTH, snippet
from chat.search.words import CHARACTERS, Words

# In characters. One string operation on a part holds the GIL for a millisecond or two.
BEGINNING: Final = 4 * 1024
PART: Final = 64 * 1024
# For all parts of one search. Enough for a page of 20 matches deep in messages of maximum length.
BUDGET: Final = 2 * 1024 * 1024
# Minimum share of one text while the budget lasts: better to search a few texts far enough than none.
SHARE: Final = 2 * PART
# Overlap of consecutive parts, so that every word and the line around it is complete in one of them.
OVERLAP: Final = 2 * LENGTH + CHARACTERS


def excerpts(
    message_ids: Sequence[UUID], words: Words, pattern: re.Pattern[str], *, characters: int = BUDGET
) -> dict[UUID, list[Segment]]:
    """The excerpt of each message, by id. `characters`: how many to search at most, give or take a part."""
    finder, budget = Finder(words), Budget(characters)
    found: dict[UUID, list[Segment]] = {}
    deep: dict[UUID, str] = {}
    beginnings = dict(_parts(message_ids, 0, BEGINNING))
    for pk in message_ids:
        text = beginnings.get(pk, "")
        goes_on = len(text) == BEGINNING
        # A match at the very end is found in the next part, with the text that follows it.
        place = finder.any(text, 0, BEGINNING - OVERLAP if goes_on else len(text), budget)
        if place is None and goes_on:
            deep[pk] = text
        else:
            found[pk] = snippet(text, place, pattern, goes_on=goes_on)
    for number, (pk, text) in enumerate(deep.items()):
        characters = max(budget.left // (len(deep) - number), min(budget.left, SHARE))
        share = Budget(characters)
        line = _further(pk, finder, pattern, share)
        # Later texts get what this one has not used.
        budget.spend(characters - share.left)
        found[pk] = line or snippet(text, None, pattern, goes_on=True)
    return found


def _further(pk: UUID, finder: Finder, pattern: re.Pattern[str], budget: Budget) -> list[Segment] | None:
    """The line around the longest word, searched beyond the beginning. None if it is not found within the budget."""
    at, goes_on = BEGINNING - 2 * OVERLAP, True
    while goes_on and budget.left > 0:
        text = next((text for _, text in _parts([pk], at, PART)), "")
        goes_on = len(text) == PART
        place = finder.longest(text, OVERLAP, PART - OVERLAP if goes_on else len(text), budget)
        if place is not None:
            return snippet(text, place, pattern, goes_on=goes_on)
        at += PART - 2 * OVERLAP
    return None


def _parts(message_ids: Sequence[UUID], at: int, length: int) -> Iterable[tuple[UUID, str]]:
    rows = Message.objects.order_by().filter(pk__in=message_ids)
    return rows.values_list("pk", Substr("text", at + 1, length))
