"""Parses clients' requests. Checks the form only, before any lookup."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from chat.generation.replies import Reply
from chat.protocol import bodies
from chat.protocol.errors import ApiError, not_found
from chat.protocol.objects import ROOT, Send
from chat.protocol.sse import dumps
from chat.protocol.untrusted_input import clean, parse_uuid

AGAIN: Final = ("regenerate_id", "continue_id")
"""Fields that name a saved message to answer again or continue, instead of a text."""


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Exactly one of: a message to answer, a saved question to answer again, a saved answer to continue, a saved
    answer that waits (`waiting_id`), with replies to what it waits for.

    Ids are canonical UUID text. None lets the server choose. `time_zone` can be any text.
    """

    client_message_id: str
    text: str = ""
    conversation_id: str | None = None
    parent_id: str | None = None
    assistant: str | None = None
    regenerate_id: str | None = None
    continue_id: str | None = None
    time_zone: str = ""
    tools: bool | None = None
    waiting_id: str | None = None
    replies: Mapping[str, Reply] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: Mapping[str, Any], *, characters: int) -> SendRequest:
        """Parse a client's JSON object. Raises ApiError; the message names the field."""
        send = bodies.read(data, Send)
        named = [name for name in AGAIN if send.get(name) is not None]
        if named:
            _check_alone(send, named)
        return cls(
            client_message_id=_client_message_id(send.get("client_message_id")),
            text="" if named else _text(send.get("text"), characters),
            conversation_id=_id(send.get("conversation_id")),
            parent_id=ROOT if send.get("parent_id") == ROOT else _id(send.get("parent_id")),
            assistant=_assistant(send),
            regenerate_id=_id(send.get("regenerate_id")),
            continue_id=_id(send.get("continue_id")),
            time_zone=send.get("time_zone") or "",
            tools=send.get("tools"),
        )

    @classmethod
    def reply(cls, waiting_id: str, replies: Mapping[str, Reply], data: Mapping[str, Any]) -> SendRequest:
        """`data`: the body that the replies are from."""
        return cls(
            client_message_id=_client_message_id(data.get("client_message_id")),
            waiting_id=_id(waiting_id),
            replies=replies,
            time_zone=data.get("time_zone") or "",
        )

    @property
    def fingerprint(self) -> str:
        """Equal for repeated requests, different if a client_message_id is reused for something else."""
        # Texts contain no NUL.
        asked = f"\0{self.regenerate_id}\0{self.continue_id}" if self.is_again else self.text
        if self.waiting_id:
            replies = {call_id: asdict(reply) for call_id, reply in sorted(self.replies.items())}
            asked = f"\0{self.waiting_id}\0{dumps(replies)}"
        return hashlib.sha256(asked.encode("utf-8", "replace")).hexdigest()

    @property
    def is_again(self) -> bool:
        return bool(self.regenerate_id or self.continue_id or self.waiting_id)


def run_id_of(value: object) -> str:
    """Parse a run id sent by a client. Raises ApiError `not_found` if it is not a UUID."""
    run_id = parse_uuid(value)
    if run_id is None:
        raise not_found()
    return run_id


def _check_alone(send: Mapping[str, Any], named: list[str]) -> None:
    others = [name for name in ("text", "parent_id") if send.get(name) is not None]
    if len(named) + len(others) > 1:
        raise ApiError("bad_request", f"Send only one of text, {' and '.join(AGAIN)}; parent_id requires text.")


def _client_message_id(value: str | None) -> str:
    if value is None:
        return str(uuid.uuid4())
    client_message_id = parse_uuid(value)
    if client_message_id is None:
        raise ApiError("bad_request", "client_message_id must be a UUID.")
    return client_message_id


def _text(value: str | None, characters: int) -> str:
    if value is None:
        raise ApiError("bad_request", "text must be a string.")
    if not value.strip():
        raise ApiError("empty_text", "The message is empty.")
    if len(value) > characters:
        raise ApiError("text_too_long", f"The message has {len(value):,} characters; at most {characters:,} fit.")
    return clean(value)


def _id(value: str | None) -> str | None:
    if value is None:
        return None
    identifier = parse_uuid(value)
    if identifier is None:
        raise not_found()
    return identifier


def _assistant(send: Send) -> str | None:
    if send.get("attachments"):
        raise ApiError("bad_request", "Attachments are not supported.")
    slug = send.get("assistant")
    return clean(slug) if slug else None
