"""Search in one's own conversations."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api.pages import cursor_at, page_size, place_of
from chat.api.replies import reply, route
from chat.api.shapes import ConversationShape, conversation_shape
from chat.models import User
from chat.search import hits, segments
from chat.search.hits import Hit
from chat.search.words import Words

SIZE: Final = 20


async def search(request: HttpRequest, user: User) -> HttpResponse:
    words = Words.parse(request.GET.get("q", ""))
    size = page_size(request.GET.get("limit", ""), usual=SIZE)
    cursor = request.GET.get("cursor", "")
    place = place_of(cursor) if cursor else None

    def find() -> dict[str, Any]:
        after = (place[0], UUID(place[1])) if place else None
        found = hits.find(user, words, after=after, limit=size + 1)
        shown = found[:size]
        following = cursor_at(*shown[-1].place) if len(found) > size else None
        return {"items": [_shape(hit, words) for hit in shown], "next": following}

    return reply(await database.read(find))


def _shape(hit: Hit, words: Words) -> dict[str, Any]:
    conversation: ConversationShape = conversation_shape(hit.conversation)
    message = hit.message
    return {
        "conversation": conversation,
        "message_id": str(message.pk) if message else None,
        "role": message.role if message else None,
        "created_at": hit.moment.isoformat(),
        "title": segments.marked(hit.conversation.title, words.pattern),
        "snippet": segments.snippet(message.text, words.pattern) if message else [],
    }


results = route(GET=search)
