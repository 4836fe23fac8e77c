"""The JSON form of the data, for the API and for notices."""

from __future__ import annotations

from datetime import UTC, datetime

from chat.models.conversation import Conversation
from chat.protocol import objects


def time_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds: `2026-11-29T12:00:00.000000+00:00`.

    By default, Python omits a zero fraction, so a client that expects one format would fail once in a million times.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def conversation_object(conversation: Conversation) -> objects.Conversation:
    return {
        "id": str(conversation.pk),
        "title": conversation.title,
        "assistant": conversation.assistant.slug if conversation.assistant else None,
        "active_leaf_id": str(conversation.active_leaf_id) if conversation.active_leaf_id else None,
        "pinned": conversation.is_pinned,
        "archived": conversation.is_archived,
        "unread": conversation.is_unread,
        "tools": conversation.has_tools_on,
        "created_at": time_text(conversation.created_at),
        "updated_at": time_text(conversation.updated_at),
    }
