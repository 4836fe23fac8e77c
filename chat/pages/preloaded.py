"""What the page's scripts ask for first, sent with the page: it can draw a conversation without a further request."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from chat.api.conversations import listed, shown
from chat.api.messages import end_of_branch
from chat.api.serializers import unanswered_object
from chat.models import UnansweredQuestion, User
from chat.protocol.errors import ApiError

# Of the messages' texts that come with the page, in bytes of UTF-8. Their letters may become six bytes each in there.
ROOM: Final = 256 * 1024


def first_answers(user: User, conversation_id: UUID | None) -> dict[str, Any]:
    """The API's answers, by the paths below `/api` that they are the answers to."""
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
        # Its first answer is being written: only its run knows of it.
        return answers
    # One message may be larger than that: it is asked for, then, when the page is there.
    if sum(len(each["text"].encode()) for each in end["items"]) <= ROOM:
        answers[f"{path}/messages?branch=active"] = end
    return answers
