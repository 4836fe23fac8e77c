"""A saved answer that waits for a person, and whether a reply to it may go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from chat.generation.replies import CHAT, Reply
from chat.models import Message
from chat.models.part import parts_of
from chat.models.step import CallRecord, steps_of, waiting_of
from chat.protocol.errors import ApiError
from chat.protocol.parts import ToolCall

APPROVAL: Final = "approval"
QUESTION: Final = "question"


def check(answer: Message, replies: Mapping[str, Reply]) -> None:
    """Raises ApiError unless these are the replies that this answer waits for. Queries its steps."""
    if answer.status != Message.Status.WAITING:
        raise ApiError("conflict", "This message waits for nothing.")
    following = answer.continued_by.order_by("created_at").first()
    if following is not None:
        raise answered(str(following.run_id), str(answer.conversation_id))
    if answer.children.exists():
        raise ApiError("conflict", "A message follows this one, so what it waited for was not allowed.")
    _check_calls(waiting_of(steps_of(answer)), replies)
    for call in parts_of(answer):
        if isinstance(call, ToolCall) and call.question and call.call_id in replies:
            _check_choice(call.question, replies[call.call_id].answer)


def answered(run_id: str, conversation_id: str) -> ApiError:
    """Somebody else was first: another tab, or another device."""
    about = {"run_id": run_id, "conversation_id": conversation_id}
    return ApiError("answered", "This was decided elsewhere.", about=about)


def permitted(answer: Message, replies: Mapping[str, Reply]) -> dict[str, str]:
    """The tools that are allowed for the whole conversation, with the hashes of their definitions."""
    return {
        call["tool"]: call["definition"]
        for call in waiting_of(steps_of(answer))
        if (reply := replies.get(call["call_id"])) and reply.allows and reply.scope == CHAT
    }


def _check_calls(calls: Sequence[CallRecord], replies: Mapping[str, Reply]) -> None:
    kind = APPROVAL if all(reply.is_decision for reply in replies.values()) else QUESTION
    waiting = {call["call_id"]: call for call in calls if call["waits"] == kind}
    if replies.keys() - waiting.keys():
        raise ApiError("bad_request", "One of these calls does not wait for this.")
    if kind == APPROVAL and waiting.keys() - replies.keys():
        raise ApiError("bad_request", "decisions must name all calls that wait for permission.")
    if any(reply.allows and is_expired(waiting[call_id]) for call_id, reply in replies.items()):
        raise ApiError("expired", "It is too late to allow this. Ask again.")


def _check_choice(question: Mapping[str, Any], text: str) -> None:
    if not question["allows_text"] and text not in {choice.strip() for choice in question["choices"]}:
        raise ApiError("bad_request", "text must be one of the choices.")


def is_expired(call: CallRecord) -> bool:
    return "expires_at" in call and datetime.fromisoformat(call["expires_at"]) <= datetime.now(UTC)
