"""A person's replies to the calls that a message waits with: decisions, and answers to the model's questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chat.protocol import bodies
from chat.protocol.errors import ApiError
from chat.protocol.objects import NOTE_CHARACTERS, AnswerQuestion, Approve
from chat.protocol.untrusted_input import clean

ALLOW: Final = "allow"
DENY: Final = "deny"
ONCE: Final = "once"
CHAT: Final = "chat"


@dataclass(frozen=True, slots=True)
class Reply:
    """To one call: a `decision` with its `scope` and `note`, or the `answer` to a question."""

    decision: str = ""
    scope: str = ONCE
    note: str = ""
    answer: str = ""

    @property
    def is_decision(self) -> bool:
        return bool(self.decision)

    @property
    def allows(self) -> bool:
        return self.decision == ALLOW


def decisions_of(data: Mapping[str, Any]) -> dict[str, Reply]:
    """By call id. Raises ApiError bad_request."""
    approve = bodies.read(data, Approve)
    found: dict[str, Reply] = {}
    for each in approve["decisions"]:
        note = clean(each.get("note") or "").strip()
        if len(note) > NOTE_CHARACTERS:
            raise ApiError("bad_request", f"A note may have at most {NOTE_CHARACTERS:,} characters.")
        if each["call_id"] in found:
            raise ApiError("bad_request", "decisions must name each call once.")
        found[each["call_id"]] = Reply(each["decision"], each.get("scope") or ONCE, note)
    if not found:
        raise ApiError("bad_request", "decisions must not be empty.")
    return found


def answers_of(data: Mapping[str, Any], *, characters: int) -> dict[str, Reply]:
    """By call id. Raises ApiError bad_request, empty_text or text_too_long."""
    answer = bodies.read(data, AnswerQuestion)
    text = clean(answer["text"]).strip()
    if not text:
        raise ApiError("empty_text", "The answer is empty.")
    if len(text) > characters:
        raise ApiError("text_too_long", f"The answer has {len(text):,} characters; at most {characters:,} fit.")
    return {answer["call_id"]: Reply(answer=text)}
