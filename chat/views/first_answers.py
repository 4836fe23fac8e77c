"""What the page's scripts ask for first, sent with the page: it can draw a conversation without a further request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chat.api.conversations import listed, shown
from chat.api.messages import end_of_branch
from chat.models import User
from chat.refusals import Refusal


def first_answers(user: User, conversation_id: UUID | None) -> dict[str, Any]:
    """The API's answers, by the paths below `/api` that they are the answers to."""
    answers: dict[str, Any] = {
        "/conversations": listed(user),
        "/conversations?pinned=1": listed(user, is_pinned=True),
    }
    if conversation_id is None:
        return answers
    path = f"/conversations/{conversation_id}"
    try:
        return {
            **answers,
            path: shown(user, conversation_id),
            f"{path}/messages?branch=active": end_of_branch(user, conversation_id),
        }
    except Refusal:
        # Its first answer is being written: only its run knows of it.
        return answers
