"""Notices for the list of conversations."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import Error as DatabaseError

from chat.models import Conversation, Message
from chat.models.serializers import conversation_object
from chat.models.turn import Turn
from chat.notices import channel
from chat.protocol import objects

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """A conversation as a turn has left it. `is_new`: the turn has made it."""

    conversation: objects.Conversation
    is_new: bool


def change_by(turn: Turn, answer: Message) -> Change | None:
    """Of a turn that was just saved. Of one that was there already it asks the database. Never raises.

    None where the conversation has been deleted, or the database is away.
    """
    try:
        conversation = answer.conversation
        if conversation.deleted_at is not None:
            return None
        return Change(conversation_object(conversation), is_new=conversation.created_at == turn.asked_at)
    except (DatabaseError, Conversation.DoesNotExist) as error:
        logger.warning("notices: publishing failed for conversation %s: %r", turn.conversation_id, error)
        return None


async def tell_of_the_change(owner_id: int, change: Change) -> None:
    """Tell the owner's tabs. Never raises."""
    kind = "conversation_created" if change.is_new else "conversation_changed"
    await channel.publish(owner_id, {"kind": kind, "conversation": change.conversation})
