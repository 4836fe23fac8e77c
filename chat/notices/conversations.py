"""Notices for the list of conversations."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Final

from django.db import Error as DatabaseError

from chat.models import Conversation
from chat.models.prepared import AN_ID, Prepared
from chat.models.serializers import ConversationShape, conversation_shape
from chat.models.turn import Turn
from chat.notices import channel

logger = logging.getLogger(__name__)

_KEPT: Final = Prepared(lambda pk: Conversation.objects.kept().select_related("assistant").filter(pk=pk), AN_ID)


@dataclass(frozen=True, slots=True)
class Change:
    """A conversation as a turn has left it. `is_new`: the turn has made it."""

    conversation: ConversationShape
    is_new: bool


def change_by(turn: Turn) -> Change | None:
    """Asks the database. None where the conversation has been deleted, or the database is away. Never raises."""
    try:
        conversation = _KEPT.first(uuid.UUID(turn.conversation_id))
    except DatabaseError as error:
        logger.warning("Nobody is told of conversation %s: %r", turn.conversation_id, error)
        return None
    if conversation is None:
        return None
    return Change(conversation_shape(conversation), is_new=conversation.created_at == turn.asked_at)


async def tell_of_the_change(owner_id: int, change: Change) -> None:
    """Tell the owner's tabs. Never raises."""
    kind = "conversation_created" if change.is_new else "conversation_changed"
    await channel.publish(owner_id, {"kind": kind, "conversation": change.conversation})
