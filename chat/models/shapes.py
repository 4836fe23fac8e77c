"""How the data looks as JSON, in the API and in notices."""

from __future__ import annotations

from typing import TypedDict

from chat.models.conversation import Conversation


class ConversationShape(TypedDict):
    id: str
    title: str
    assistant: str | None
    active_leaf_id: str | None
    pinned: bool
    archived: bool
    unread: bool
    created_at: str
    updated_at: str


def conversation_shape(conversation: Conversation) -> ConversationShape:
    return {
        "id": str(conversation.pk),
        "title": conversation.title,
        "assistant": conversation.assistant.slug if conversation.assistant else None,
        "active_leaf_id": str(conversation.active_leaf_id) if conversation.active_leaf_id else None,
        "pinned": conversation.is_pinned,
        "archived": conversation.is_archived,
        "unread": conversation.is_unread,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }
