"""What is shown of the messages that were found: a line of each, around a word.

No text is read as a whole. The beginnings of all come at once; of a text that has no word there, further parts are
looked through, one after the other, as far as the budget of the search goes. Beyond it the beginning is what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db.models.functions import Substr

from chat.models import Message
from chat.search.places import Budget, Finder
from chat.search.segments import LENGTH, Segment, snippet
from chat.search.words import CHARACTERS, Words

# In characters. One call of the interpreter's own code on a part takes a millisecond or two, and holds everybody up.
BEGINNING: Final = 4 * 1024
PART: Final = 64 * 1024
# Of all parts of one search. A page of 20 hits that are deep in texts as long as a message may be is within it.
BUDGET: Final = 2 * 1024 * 1024
# Of one text, while there is any left: rather a few whole than none of them far enough.
SHARE: Final = 2 * PART
# What the end of a part has in common with the next: a word, and the line around it, is whole in one of them.
OVERLAP: Final = 2 * LENGTH + CHARACTERS


def excerpts(
    message_ids: Sequence[UUID], words: Words, pattern: re.Pattern[str], *, characters: int = BUDGET
) -> dict[UUID, list[Segment]]:
    """Of each message, by its id. `characters`: how many are looked through, at most, give or take a part."""
    finder, budget = Finder(words), Budget(characters)
    found: dict[UUID, list[Segment]] = {}
    deep: dict[UUID, str] = {}
    beginnings = dict(_parts(message_ids, 0, BEGINNING))
    for pk in message_ids:
        text = beginnings.get(pk, "")
        goes_on = len(text) == BEGINNING
        # What is at the very end is seen in the next part, with what follows it.
        place = finder.any(text, 0, BEGINNING - OVERLAP if goes_on else len(text), budget)
        if place is None and goes_on:
            deep[pk] = text
        else:
            found[pk] = snippet(text, place, pattern, goes_on=goes_on)
    for number, (pk, text) in enumerate(deep.items()):
        characters = max(budget.left // (len(deep) - number), min(budget.left, SHARE))
        share = Budget(characters)
        line = _further(pk, finder, pattern, share)
        # What one text has not used is for those after it.
        budget.spend(characters - share.left)
        found[pk] = line or snippet(text, None, pattern, goes_on=True)
    return found


def _further(pk: UUID, finder: Finder, pattern: re.Pattern[str], budget: Budget) -> list[Segment] | None:
    """The line around the longest word, wherever that is beyond the beginning. None if it is not within the budget."""
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
