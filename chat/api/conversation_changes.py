"""Validates a PATCH of a conversation before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from chat.models import Conversation, Message, branch
from chat.protocol import bodies
from chat.protocol.errors import ApiError, not_found
from chat.protocol.objects import TITLE_LENGTH, ConversationChanges
from chat.protocol.untrusted_input import clean, parse_uuid

FLAGS: Final = {"pinned": "is_pinned", "archived": "is_archived", "unread": "is_unread", "tools": "tools_on"}


def apply(conversation: Conversation, data: Mapping[str, Any]) -> list[str]:
    """Change the object, not the database. Returns the names of the changed fields. Raises ApiError."""
    changes = bodies.read(data, ConversationChanges)
    if not changes:
        raise ApiError(
            "bad_request", f"Nothing to change: send one of {', '.join(bodies.names(ConversationChanges))}."
        )
    if "active_leaf_id" in changes and "branch_id" in changes:
        raise ApiError("bad_request", "Send active_leaf_id or branch_id, not both.")
    fields = []
    if "title" in changes:
        conversation.title, conversation.is_named = _title(changes["title"]), True
        fields += ["title", "is_named"]
    if "active_leaf_id" in changes:
        conversation.active_leaf_id = _answer(conversation, changes["active_leaf_id"])
        fields.append("active_leaf")
    if "branch_id" in changes:
        conversation.active_leaf_id = _leaf_below(conversation, changes["branch_id"])
        fields.append("active_leaf")
    for name in FLAGS.keys() & changes.keys():
        setattr(conversation, FLAGS[name], changes[name])  # type: ignore[literal-required]
        fields.append(FLAGS[name])
    return fields


def _title(value: str) -> str:
    if not value.strip():
        raise ApiError("bad_request", "title must be a non-empty string.")
    title = " ".join(clean(value).split())
    if len(title) > TITLE_LENGTH:
        raise ApiError("bad_request", f"title is too long: at most {TITLE_LENGTH} characters.")
    return title


def _answer(conversation: Conversation, value: str) -> UUID:
    message = _message(conversation, value)
    if message.role != Message.Role.ASSISTANT:
        raise not_found()
    return message.pk


def _leaf_below(conversation: Conversation, value: str) -> UUID:
    leaf_id = branch.newest_leaf(_message(conversation, value).pk)
    if leaf_id is None:
        raise not_found()
    return leaf_id


def _message(conversation: Conversation, value: str) -> Message:
    message_id = parse_uuid(value)
    message: Message | None = conversation.messages.filter(pk=message_id).first() if message_id else None
    if message is None:
        raise not_found()
    return message
