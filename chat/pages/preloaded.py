"""The first API responses that the page's scripts need, sent with the page to save further requests."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from chat.api.conversations import listed, shown
from chat.api.messages import end_of_branch
from chat.api.serializers import unanswered_object
from chat.models import UnansweredQuestion, User
from chat.protocol.errors import ApiError

# Limit for message texts sent with the page, in bytes of UTF-8. Escaping may turn a character into six bytes.
ROOM: Final = 256 * 1024


def first_answers(user: User, conversation_id: UUID | None) -> dict[str, Any]:
    """API responses by their paths below `/api`."""
    answers: dict[str, Any] = {
        "/conversations": listed(user),
        "/conversations?pinned=1": listed(user, is_pinned=True),
        "/runs?unanswered=1": {"items": [unanswered_object(each) for each in UnansweredQuestion.objects.of(user.pk)]},
    }
    if conversation_id is None:
        return answers
    path = f"/conversations/{conversation_id}"
    try:
        answers[path] = shown(user, conversation_id)
        end = end_of_branch(user, conversation_id, room=ROOM)
    except ApiError:
        # Its first answer is still being generated: only its run knows of it.
        return answers
    # A single message may exceed the limit: then the scripts request it after the page has loaded.
    if sum(len(each["text"].encode()) for each in end["items"]) <= ROOM:
        answers[f"{path}/messages?branch=active"] = end
    return answers
