"""Notices for the list of conversations."""

from __future__ import annotations

import logging
import uuid
from typing import Final

from django.db import Error as DatabaseError

from chat import database
from chat.models import Conversation
from chat.models.prepared import AN_ID, Prepared
from chat.models.serializers import conversation_object
from chat.models.turn import Turn
from chat.notices import channel
from chat.protocol import objects

logger = logging.getLogger(__name__)

_KEPT: Final = Prepared(lambda pk: Conversation.objects.kept().select_related("assistant").filter(pk=pk), AN_ID)


async def tell_of_the_conversation(turn: Turn) -> bool:
    """Publish the conversation as it is after this turn, created or changed. Never raises.

    Returns whether it is new; False if that is unknown.
    """

    def found() -> tuple[objects.Conversation, bool] | None:
        conversation = _KEPT.first(uuid.UUID(turn.conversation_id))
        return (conversation_object(conversation), conversation.created_at == turn.asked_at) if conversation else None

    try:
        told = await database.read(found)
    except DatabaseError as error:
        logger.warning("notices: publishing failed for conversation %s: %r", turn.conversation_id, error)
        return False
    if told is None:
        return False
    conversation, is_new = told
    kind = "conversation_created" if is_new else "conversation_changed"
    await channel.publish(turn.owner_id, {"kind": kind, "conversation": conversation})
    return is_new
