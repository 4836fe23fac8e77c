"""Search in the user's own conversations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api.calls import CONVERSATIONS, call, gives, query
from chat.api.pagination import PAGE, UNPAGED, cursor_at, limit, page_size, place_of
from chat.api.responses import encoded, encoded_reply, route, with_own_queue
from chat.api.serializers import conversation_object
from chat.models import User
from chat.models.serializers import time_text
from chat.protocol import objects
from chat.protocol.errors import ApiError
from chat.protocol.objects import SearchPage, Segment
from chat.search import hits
from chat.search.deadline import TooLong, deadline
from chat.search.excerpts import excerpts
from chat.search.hits import Hit, Place
from chat.search.segments import marked
from chat.search.words import Words

SIZE: Final = 20
# Hits on a page, whatever `limit` asks for: each one costs three database rows and an excerpt.
LARGEST: Final = 50


@with_own_queue
@call(
    "search",
    "Search titles and messages",
    tag=CONVERSATIONS,
    description="In everything that you have not deleted, newest first. A hit contains every word; of the last, the "
    "beginning is enough. Words in scripts without spaces match anywhere. An empty query finds nothing.",
    parameters=[
        query("q", {"type": "string"}, "The words. There are no operators."),
        PAGE,
        limit(SIZE),
    ],
    gives={200: gives(SearchPage, "A page of hits.")},
    refuses=(*UNPAGED, "rate_limited"),
)
async def search(request: HttpRequest, user: User) -> HttpResponse:
    words = Words.parse(request.GET.get("q", ""))
    size = min(page_size(request.GET.get("limit", ""), usual=SIZE), LARGEST)
    cursor = request.GET.get("cursor", "")
    place = place_of(cursor) if cursor else None
    after = (place[0], UUID(place[1])) if place else None
    try:
        return encoded_reply(
            await database.read_in_turn(database.searches, user.pk, lambda: encoded(_page(user, words, after, size)))
        )
    except TooLong:
        message = "This search took too long. Try again with longer words, or with more of them."
        raise ApiError("unavailable", message, retry_after=5) from None


def _page(user: User, words: Words, after: Place | None, size: int) -> dict[str, Any]:
    if not words:
        return {"items": [], "next": None}
    with deadline(settings.CHAT_DATABASE_SECONDS):
        found = hits.find(user, words, after=after, limit=size + 1)
        shown = found[:size]
        pattern = words.pattern
        lines = excerpts([hit.message.pk for hit in shown if hit.message], words, pattern)
        following = cursor_at(*shown[-1].place) if len(found) > size else None
        return {"items": [_hit(hit, lines, pattern) for hit in shown], "next": following}


def _hit(hit: Hit, lines: Mapping[UUID, list[Segment]], pattern: re.Pattern[str]) -> objects.Hit:
    message = hit.message
    return {
        "conversation": conversation_object(hit.conversation),
        "message_id": str(message.pk) if message else None,
        "role": message.role if message else None,
        "created_at": time_text(hit.moment),
        "title": marked(hit.conversation.title, pattern),
        "snippet": lines.get(message.pk, []) if message else [],
    }


results = route(GET=search)
