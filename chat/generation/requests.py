"""What a client asks for, checked for its form before anything is looked up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chat.refusals import Refusal, not_found
from chat.wire import clean, parse_uuid

ROOT: Final = "root"
"""As a parent id: the message begins the conversation anew, beside its first message."""


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A message to answer. Ids are canonical UUID text; None means: the server's choice."""

    client_message_id: str
    text: str
    conversation_id: str | None = None
    parent_id: str | None = None
    assistant: str | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any], *, characters: int) -> SendRequest:
        """Raises Refusal with a sentence that names the field."""
        return cls(
            client_message_id=_client_message_id(data.get("client_message_id")),
            text=_text(data.get("text"), characters),
            conversation_id=_id(data, "conversation_id"),
            parent_id=ROOT if data.get("parent_id") == ROOT else _id(data, "parent_id"),
            assistant=_assistant(data),
        )


def run_id_of(value: object) -> str:
    """A run's id as a client sent it. Something that is no UUID cannot be found either."""
    run_id = parse_uuid(value)
    if run_id is None:
        raise not_found()
    return run_id


def _client_message_id(value: object) -> str:
    if value is None:
        return str(uuid.uuid4())
    client_message_id = parse_uuid(value)
    if client_message_id is None:
        raise Refusal("bad_request", "client_message_id must be a UUID.")
    return client_message_id


def _text(value: object, characters: int) -> str:
    if not isinstance(value, str):
        raise Refusal("bad_request", "text must be a string.")
    if not value.strip():
        raise Refusal("empty_text", "The message is empty.")
    if len(value) > characters:
        raise Refusal("text_too_long", f"The message has {len(value):,} characters; at most {characters:,} fit.")
    return clean(value)


def _id(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal("bad_request", f"{name} must be a UUID.")
    identifier = parse_uuid(value)
    if identifier is None:
        raise not_found()
    return identifier


def _assistant(data: Mapping[str, Any]) -> str | None:
    if data.get("attachments") not in (None, []):
        raise Refusal("bad_request", "Attachments are not supported.")
    slug = data.get("assistant")
    if slug is not None and not isinstance(slug, str):
        raise Refusal("bad_request", "assistant must be the slug of an assistant.")
    return clean(slug) if slug else None
