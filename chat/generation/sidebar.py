"""Notices for the list of conversations."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseError

from chat import database, notices
from chat.models import Conversation
from chat.models.shapes import ConversationShape, conversation_shape
from chat.models.turn import Turn

logger = logging.getLogger(__name__)


async def tell_of_a_new_conversation(turn: Turn) -> None:
    """Tell the owner's tabs, if this turn was the first of its conversation. Never raises."""

    def made_by_this_turn() -> ConversationShape | None:
        kept = Conversation.objects.kept().select_related("assistant")
        conversation = kept.filter(pk=turn.conversation_id, created_at=turn.asked_at).first()
        return conversation_shape(conversation) if conversation else None

    try:
        conversation = await database.read(made_by_this_turn)
    except DatabaseError:
        logger.warning("Nobody was told of conversation %s.", turn.conversation_id, exc_info=True)
        return
    if conversation is not None:
        await notices.publish(turn.owner_id, {"kind": "conversation_created", "conversation": conversation})
