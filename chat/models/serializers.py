"""How the data looks as JSON, in the API and in notices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from chat.models.conversation import Conversation


class ConversationObject(TypedDict):
    id: str
    title: str
    assistant: str | None
    active_leaf_id: str | None
    pinned: bool
    archived: bool
    unread: bool
    created_at: str
    updated_at: str


def time_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always of the same length: `2026-11-29T12:00:00.000000+00:00`.

    Python leaves a fraction of zero out, and a client that reads one form would fail once in a million.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def conversation_object(conversation: Conversation) -> ConversationObject:
    return {
        "id": str(conversation.pk),
        "title": conversation.title,
        "assistant": conversation.assistant.slug if conversation.assistant else None,
        "active_leaf_id": str(conversation.active_leaf_id) if conversation.active_leaf_id else None,
        "pinned": conversation.is_pinned,
        "archived": conversation.is_archived,
        "unread": conversation.is_unread,
        "created_at": time_text(conversation.created_at),
        "updated_at": time_text(conversation.updated_at),
    }
