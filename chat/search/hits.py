"""Search results: messages, and conversations by title, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from chat.models import Conversation, Message, User
from chat.search.index import with_words_in_text, with_words_in_title
from chat.search.words import Words

Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Hit:
    """`message` is None for a match in the title. Its text is not loaded (see chat/search/excerpts.py)."""

    conversation: Conversation
    message: Message | None

    @property
    def moment(self) -> datetime:
        return self.message.created_at if self.message else self.conversation.updated_at

    @property
    def place(self) -> Place:
        """The sort key, unique among hits."""
        return self.moment, (self.message or self.conversation).pk


def find(owner: User, words: Words, *, after: Place | None, limit: int) -> Sequence[Hit]:
    """At most `limit` hits after a place. Includes archived conversations, but no deleted ones."""
    if not words:
        return []
    # Do not load texts and instructions: for a page of hits they can be hundreds of megabytes.
    kept = with_words_in_title(
        owner.conversations.kept().select_related("assistant").defer("assistant__instructions"), words
    )
    messages = (
        owner.messages.filter(conversation__deleted_at=None)
        .select_related("conversation__assistant")
        .defer("text", "conversation__assistant__instructions")
    )
    hits = [Hit(each, None) for each in _newest(kept, "updated_at", after, limit)]
    hits += [
        Hit(each.conversation, each)
        for each in _newest(with_words_in_text(messages, words), "created_at", after, limit)
    ]
    return sorted(hits, key=lambda hit: hit.place, reverse=True)[:limit]


def _newest(rows: QuerySet[Any], by: str, after: Place | None, limit: int) -> QuerySet[Any]:
    if after is not None:
        moment, pk = after
        rows = rows.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, "pk__lt": pk}))
    return rows.order_by(f"-{by}", "-pk")[:limit]
