"""Request data is read into a type, or rejected with a message that names the field."""

from __future__ import annotations

from typing import Any

import pytest

from chat.protocol import bodies
from chat.protocol.errors import ApiError
from chat.protocol.objects import ConversationChanges, Send


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"text": 5}, "text must be a string."),
        ({"text": {}}, "text must be a string."),
        ({"client_message_id": 5}, "client_message_id must be a UUID."),
        ({"conversation_id": ["x"]}, "conversation_id must be a UUID."),
        ({"assistant": True}, "assistant must be a string."),
        ({"attachments": "x"}, "attachments must be a list of strings."),
        ({"attachments": [1]}, "attachments must be a list of strings."),
        ({"tools": "off"}, "tools must be true or false."),
    ],
)
def test_a_field_of_the_wrong_type_is_named(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ApiError) as refused:
        bodies.read(data, Send)

    assert (refused.value.code, refused.value.message) == ("bad_request", sentence)


@pytest.mark.parametrize("value", [1, 0, "true", None, []])
def test_a_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(ApiError, match=r"pinned must be true or false\."):
        bodies.read({"pinned": value}, ConversationChanges)


def test_valid_fields_are_kept_and_unknown_ones_dropped() -> None:
    assert bodies.read({"text": "Hi", "type": "send", "ref": 1}, Send) == {"text": "Hi"}
    assert bodies.read({"text": None}, Send) == {"text": None}
    assert bodies.read({}, Send) == {}


def test_names_are_in_the_order_of_their_definition() -> None:
    assert bodies.names(ConversationChanges) == (
        "title",
        "active_leaf_id",
        "branch_id",
        "pinned",
        "archived",
        "unread",
        "tools",
    )
