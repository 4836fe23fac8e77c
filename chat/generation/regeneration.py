"""Another answer to a saved question: a new one, or one that continues an answer that was cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chat.generation import waiting
from chat.generation.requests import SendRequest
from chat.models import Message, User
from chat.protocol.errors import ApiError, not_found

# Finish reasons of answers that can be continued.
UNFINISHED: Final = frozenset({"length", "stopped"})


@dataclass(frozen=True, slots=True)
class Regeneration:
    """`continued`: the answer to continue, which may have waited for a person, or None to begin a new one."""

    question: Message
    continued: Message | None

    @property
    def text(self) -> str:
        return self.continued.text if self.continued else ""


def find(user: User, send: SendRequest) -> Regeneration | None:
    """The messages that the request names, or None if it has its own text. Raises ApiError."""
    if send.regenerate_id is not None:
        question = _message(user, send.regenerate_id, send)
        if question.role != Message.Role.USER:
            raise ApiError("bad_request", "regenerate_id must be the id of a question.")
        return Regeneration(question, None)
    if send.continue_id is not None:
        answer = _message(user, send.continue_id, send)
        if answer.role != Message.Role.ASSISTANT or answer.parent is None:
            raise ApiError("bad_request", "continue_id must be the id of an answer.")
        if answer.status == Message.Status.WAITING:
            raise ApiError("bad_request", "This answer waits for a person: reply to what it asks.")
        if answer.finish_reason not in UNFINISHED:
            raise ApiError("bad_request", "This answer is complete. Only an answer that was cut off can be continued.")
        return Regeneration(answer.parent, answer)
    if send.waiting_id is not None:
        answer = _message(user, send.waiting_id, send)
        waiting.check(answer, send.replies)
        if answer.parent is None:
            raise not_found()
        return Regeneration(answer.parent, answer)
    return None


def is_the_same(message: Message, send: SendRequest) -> bool:
    """Whether a saved message with the same client_message_id came from the same request."""
    if message.role == Message.Role.USER:
        return not send.is_again and message.text == send.text
    if continues := send.continue_id or send.waiting_id:
        return str(message.continues_id) == continues
    return message.continues_id is None and str(message.parent_id) == send.regenerate_id


def _message(user: User, message_id: str, send: SendRequest) -> Message:
    kept = user.messages.filter(conversation__deleted_at=None)
    message: Message | None = kept.select_related("conversation", "parent", "assistant").filter(pk=message_id).first()
    if message is None or send.conversation_id not in (None, str(message.conversation_id)):
        raise not_found()
    return message
