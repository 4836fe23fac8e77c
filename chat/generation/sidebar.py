"""Notices for the list of conversations."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseError

from chat import database, notices
from chat.models import Conversation
from chat.models.shapes import ConversationShape, conversation_shape
from chat.models.turn import Turn

logger = logging.getLogger(__name__)


async def tell_of_the_conversation(turn: Turn) -> None:
    """Tell the owner's tabs of the conversation as this turn has left it, new or changed. Never raises."""

    def found() -> tuple[str, ConversationShape] | None:
        kept = Conversation.objects.kept().select_related("assistant")
        conversation = kept.filter(pk=turn.conversation_id).first()
        if conversation is None:
            return None
        is_new = conversation.created_at == turn.asked_at
        return "conversation_created" if is_new else "conversation_changed", conversation_shape(conversation)

    try:
        told = await database.read(found)
    except DatabaseError:
        logger.warning("Nobody was told of conversation %s.", turn.conversation_id, exc_info=True)
        return
    if told is not None:
        await notices.publish(turn.owner_id, {"kind": told[0], "conversation": told[1]})
