"""Search in the person's own conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from django.conf import settings
from msgspec import Meta

from chat import database
from chat.models import User
from chat.models.serializers import time_text
from chat.protocol.errors import ApiError
from chat.search import hits
from chat.search.deadline import TooLong, deadline
from chat.search.excerpts import excerpts
from chat.search.words import Words
from chat.tools.base import Context, Progress, Result, ToolFailed
from chat.tools.definitions import tool


@tool(title="Search my conversations", side_effects=False)
async def search_conversations(
    context: Context,
    words: Annotated[str, Meta(max_length=500), "The words, all of which must occur. There are no operators."],
    limit: Annotated[int, Meta(ge=1, le=20), "The most hits."] = 8,
) -> AsyncIterator[Progress | Result]:
    """Search the titles and messages of this person's earlier conversations, newest first. Use few, rare words."""
    parsed = Words.parse(words)
    if not parsed:
        raise ToolFailed("invalid_arguments", "`words` contains no word to search for.")
    try:
        found = await database.read_in_turn(
            database.searches, context.user_id, lambda: _found(context.user_id, parsed, limit)
        )
    except TooLong:
        raise ToolFailed("timeout", "The search took too long. Use longer words, or more of them.") from None
    except ApiError as error:
        raise ToolFailed("failed", error.message) from None
    for hit in found:
        yield Progress(hit)
    yield Result("\n\n".join(map(_said, found)) or "No message contains all of these words.", found)


def _found(user_id: int, words: Words, limit: int) -> list[dict[str, Any]]:
    """Only of this user's conversations, and none that are deleted."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return []
    with deadline(settings.CHAT_DATABASE_SECONDS):
        found = hits.find(user, words, after=None, limit=limit)
        lines = excerpts([hit.message.pk for hit in found if hit.message], words, words.pattern)
    return [
        {
            "index": index,
            "title": hit.conversation.title,
            "snippet": "".join(each["text"] for each in lines.get(hit.message.pk, [])) if hit.message else "",
            "role": hit.message.role if hit.message else "",
            "created_at": time_text(hit.moment),
            "conversation_id": str(hit.conversation.pk),
            "message_id": str(hit.message.pk) if hit.message else "",
        }
        for index, hit in enumerate(found, 1)
    ]


def _said(hit: dict[str, Any]) -> str:
    """A hit in a few lines, for the model."""
    line = f"{hit['role']}: {hit['snippet']}" if hit["role"] else "(in the title)"
    return f"{hit['index']}. {hit['title']} ({hit['created_at'][:10]})\n{line}"
