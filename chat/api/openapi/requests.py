"""Request bodies: examples, and which fields exclude each other, which the types cannot express."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from chat.api.openapi.components import Schema, schemas_of
from chat.generation.requests import AGAIN
from chat.protocol.objects import ROOT, AnswerQuestion, Approve, ConversationChanges, Send

_ANSWER: Final = "0198f2a4-5d3b-7c11-9a52-6f1f3a9be002"
_OTHER: Final = "0198f2a4-5d3b-7c11-9a52-6f1f3a9be003"


def request_schemas() -> dict[str, Schema]:
    """The schemas by name."""
    return {"Send": _send(), "ConversationChanges": _changes(), **_replies()}


def _send() -> Schema:
    send = schemas_of([Send])["Send"]
    send["properties"]["text"]["maxLength"] = settings.CHAT_MESSAGE_CHARACTERS
    return {
        **send,
        # Exactly one of the three, for validators. With `oneOf`, generated clients would lose all fields.
        **_either("regenerate_id", _either("continue_id", _needed("text"))),
        "examples": [
            {"text": "Why is the sky blue?"},
            {
                "client_message_id": "0198f2a4-5d3b-7c11-9a52-6f1f3a9be001",
                "text": "Why is the sky blue?",
                "conversation_id": None,
                "parent_id": ROOT,
                "assistant": "demo",
                "time_zone": "Europe/Berlin",
                "attachments": [],
            },
            {"regenerate_id": _ANSWER},
            {"continue_id": _OTHER, "assistant": "demo", "tools": False},
        ],
    }


def _changes() -> Schema:
    return {
        **schemas_of([ConversationChanges])["ConversationChanges"],
        "minProperties": 1,
        "dependentSchemas": {"active_leaf_id": {"properties": {"branch_id": False}}},
        "examples": [
            {"title": "The blue sky"},
            {"active_leaf_id": _ANSWER},
            {"branch_id": _OTHER, "unread": False},
            {"pinned": True, "archived": False},
        ],
    }


def _replies() -> dict[str, Schema]:
    schemas = schemas_of([Approve, AnswerQuestion])
    schemas["AnswerQuestion"]["properties"]["text"]["maxLength"] = settings.CHAT_MESSAGE_CHARACTERS
    return {
        **schemas,
        "Approve": {
            **schemas["Approve"],
            "additionalProperties": False,
            "examples": [
                {"decisions": [{"call_id": "c4k7m2p9x", "decision": "allow", "scope": "chat"}]},
                {"decisions": [{"call_id": "c4k7m2p9x", "decision": "deny", "note": "Ask me tomorrow."}]},
            ],
        },
        "AnswerQuestion": {
            **schemas["AnswerQuestion"],
            "additionalProperties": False,
            "examples": [{"call_id": "c4k7m2p9x", "text": "The blue one."}],
        },
    }


def _either(name: str, otherwise: Schema) -> Schema:
    """With this field, all fields that it excludes are omitted or null."""
    absent = {other: {"type": "null"} for other in ("text", "parent_id", *AGAIN) if other != name}
    return {"if": _needed(name), "then": {"properties": absent}, "else": otherwise}


def _needed(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"type": "string"}}}
