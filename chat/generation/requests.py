"""What a client asks for, checked for its form before anything is looked up."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chat.protocol.errors import ApiError, not_found
from chat.protocol.untrusted_input import clean, parse_uuid

ROOT: Final = "root"
"""As a parent id: the message begins the conversation anew, beside its first message."""

AGAIN: Final = ("regenerate_id", "continue_id")
"""Instead of a text: what is there already, and is answered once more."""


FIELDS: Final = (
    *("text", *AGAIN, "client_message_id"),
    *("conversation_id", "parent_id", "assistant", "attachments"),
)
"""All that a request may say."""


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A message to answer, or a saved question to answer again, or a saved answer to go on with: one of the three.

    Ids are canonical UUID text; None means: the server's choice.
    """

    client_message_id: str
    text: str = ""
    conversation_id: str | None = None
    parent_id: str | None = None
    assistant: str | None = None
    regenerate_id: str | None = None
    continue_id: str | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any], *, characters: int) -> SendRequest:
        """Raises ApiError with a sentence that names the field."""
        named = [name for name in AGAIN if data.get(name) is not None]
        if named:
            _check_alone(data, named)
        return cls(
            client_message_id=_client_message_id(data.get("client_message_id")),
            text="" if named else _text(data.get("text"), characters),
            conversation_id=_id(data, "conversation_id"),
            parent_id=ROOT if data.get("parent_id") == ROOT else _id(data, "parent_id"),
            assistant=_assistant(data),
            regenerate_id=_id(data, "regenerate_id"),
            continue_id=_id(data, "continue_id"),
        )

    @property
    def fingerprint(self) -> str:
        """Equal for repeated requests, different for a client_message_id that is used for something else."""
        # No text has a NUL.
        asked = f"\0{self.regenerate_id}\0{self.continue_id}" if self.is_again else self.text
        return hashlib.sha256(asked.encode()).hexdigest()

    @property
    def is_again(self) -> bool:
        return bool(self.regenerate_id or self.continue_id)


def run_id_of(value: object) -> str:
    """A run's id as a client sent it. Something that is no UUID cannot be found either."""
    run_id = parse_uuid(value)
    if run_id is None:
        raise not_found()
    return run_id


def _check_alone(data: Mapping[str, Any], named: list[str]) -> None:
    others = [name for name in ("text", "parent_id") if data.get(name) is not None]
    if len(named) + len(others) > 1:
        raise ApiError("bad_request", f"Send only one of text, {' and '.join(AGAIN)}; parent_id goes with text.")


def _client_message_id(value: object) -> str:
    if value is None:
        return str(uuid.uuid4())
    client_message_id = parse_uuid(value)
    if client_message_id is None:
        raise ApiError("bad_request", "client_message_id must be a UUID.")
    return client_message_id


def _text(value: object, characters: int) -> str:
    if not isinstance(value, str):
        raise ApiError("bad_request", "text must be a string.")
    if not value.strip():
        raise ApiError("empty_text", "The message is empty.")
    if len(value) > characters:
        raise ApiError("text_too_long", f"The message has {len(value):,} characters; at most {characters:,} fit.")
    return clean(value)


def _id(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ApiError("bad_request", f"{name} must be a UUID.")
    identifier = parse_uuid(value)
    if identifier is None:
        raise not_found()
    return identifier


def _assistant(data: Mapping[str, Any]) -> str | None:
    if data.get("attachments") not in (None, []):
        raise ApiError("bad_request", "Attachments are not supported.")
    slug = data.get("assistant")
    if slug is not None and not isinstance(slug, str):
        raise ApiError("bad_request", "assistant must be the slug of an assistant.")
    return clean(slug) if slug else None
