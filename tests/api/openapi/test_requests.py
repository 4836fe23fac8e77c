"""The server accepts what the schema allows, and the schema rejects what the server refuses."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema.exceptions import ValidationError

from chat.api import pagination
from chat.api.openapi.document import document
from chat.api.parameters import check_names
from chat.api.streams import run_stream
from chat.generation.replies import answers_of, decisions_of
from chat.generation.requests import SendRequest
from chat.protocol import bodies
from chat.protocol.cursors import BadCursor, Cursor
from chat.protocol.errors import ApiError
from chat.protocol.objects import ConversationChanges, Send
from tests.api.openapi.openapi import ID, accepts, check, schema_of


def parses(kind: type[Cursor | run_stream.Cursors], text: str) -> bool:
    try:
        kind.parse(text)
    except BadCursor:
        return False
    return True


def parse(body: dict[str, Any]) -> None:
    check_names(body, bodies.names(Send), kind="field")
    SendRequest.parse(body, characters=100_000)


class TestRequests:
    @pytest.mark.parametrize("name", ["Send", "ConversationChanges", "Approve", "AnswerQuestion"])
    def test_the_examples_are_valid(self, name: str) -> None:
        examples = schema_of(name)["examples"]

        assert examples
        for example in examples:
            check(example, name)

    def test_the_examples_of_a_message_are_accepted(self) -> None:
        for example in schema_of("Send")["examples"]:
            parsed = SendRequest.parse(example, characters=100)
            assert parsed.text == example.get("text", "")
            assert (parsed.regenerate_id, parsed.continue_id) == (
                example.get("regenerate_id"),
                example.get("continue_id"),
            )

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"text": ""},
            {"text": " \n\t"},
            {"text": 5},
            {"text": "x" * 100_001},
            {"text": "Hello", "parent_id": "trunk"},
            {"text": "Hello", "parent_id": 5},
            {"text": "Hello", "conversation_id": 5},
            {"text": "Hello", "client_message_id": "one"},
            {"text": "Hello", "assistant": 5},
            {"text": "Hello", "time_zone": 5},
            {"text": "Hello", "attachments": ["x"]},
            {"text": "Hello", "tools": "off"},
            {"text": None},
            {"text": "Hello", "regenerate_id": f"{ID}2"},
            {"text": "", "regenerate_id": f"{ID}2"},
            {"text": "Hello", "continue_id": f"{ID}2"},
            {"regenerate_id": f"{ID}2", "continue_id": f"{ID}3"},
            {"regenerate_id": f"{ID}2", "parent_id": f"{ID}3"},
            {"continue_id": f"{ID}2", "parent_id": "root"},
            {"regenerate_id": 5},
            {"regenerate_id": None, "continue_id": None},
            {"text": "Hello", "conversationId": f"{ID}2"},
            {"text": "Hello", "attachments": [1]},
        ],
    )
    def test_refused_requests_are_invalid(self, body: dict[str, Any]) -> None:
        with pytest.raises(ApiError):
            parse(body)
        with pytest.raises(ValidationError):
            check(body, "Send")

    @pytest.mark.parametrize(
        "body",
        [
            {"text": "Hello", "regenerate_id": None, "continue_id": None, "parent_id": None},
            {"regenerate_id": f"{ID}2", "text": None, "parent_id": None, "continue_id": None},
            {"continue_id": f"{ID}2", "conversation_id": f"{ID}4"},
            {"text": "Hello", "time_zone": None},
            {"text": "Hello", "time_zone": "Mars/Olympus_Mons"},
            {"continue_id": f"{ID}2", "conversation_id": f"{ID}4", "tools": False},
            {"text": "Hello", "tools": None},
        ],
    )
    def test_null_equals_an_omitted_field(self, body: dict[str, Any]) -> None:
        SendRequest.parse(body, characters=100)
        check(body, "Send")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"title": ""},
            {"title": None},
            {"active_leaf_id": None},
            {"name": "x"},
            {"pinned": 1},
            {"pinned": True, "colour": "red"},
            {"unread": "no"},
            {"tools": None},
            {"active_leaf_id": f"{ID}2", "branch_id": f"{ID}3"},
        ],
    )
    def test_an_empty_change_is_invalid(self, body: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            check(body, "ConversationChanges")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"decisions": []},
            {"decisions": [{"call_id": "c1"}]},
            {"decisions": [{"call_id": "c1", "decision": "maybe"}]},
            {"decisions": [{"call_id": "c1", "decision": "allow", "scope": "forever"}]},
            {"decisions": [{"call_id": "c1", "decision": "deny", "note": "x" * 2_001}]},
            {"decisions": [{"call_id": 1, "decision": "deny"}]},
            {"decisions": [{"call_id": "c1", "decision": "deny"}], "client_message_id": "one"},
        ],
    )
    def test_refused_decisions_are_invalid(self, body: dict[str, Any]) -> None:
        with pytest.raises(ApiError):
            SendRequest.reply(f"{ID}2", decisions_of(body), body)
        with pytest.raises(ValidationError):
            check(body, "Approve")

    @pytest.mark.parametrize("body", [{"call_id": "c1"}, {"call_id": "c1", "text": " "}, {"text": "x"}])
    def test_refused_answers_are_invalid(self, body: dict[str, Any]) -> None:
        with pytest.raises(ApiError):
            answers_of(body, characters=100)
        with pytest.raises(ValidationError):
            check(body, "AnswerQuestion")

    def test_schema_fields_match_the_accepted_fields(self) -> None:
        assert set(schema_of("Send")["properties"]) == set(bodies.names(Send))
        assert set(schema_of("ConversationChanges")["properties"]) == set(bodies.names(ConversationChanges))

    @pytest.mark.parametrize(
        "text", ["", "abcdEF12.0", "00000000.17", "abcdef12", "abcdef12.01", "abcdef1.1", ".", "a b"]
    )
    def test_a_cursor_is_valid_exactly_if_it_is_accepted(self, text: str) -> None:
        parameters = document()["paths"]["/api/runs/{run_id}/events"]["get"]["parameters"]

        assert [each["name"] for each in parameters] == ["after", "lastEventId", "Last-Event-ID"]
        assert all(accepts(text, each["schema"]) is (not text or parses(Cursor, text)) for each in parameters)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            f"{ID}1:abcdef12.3",
            f"{ID}1:abcdef12.3,{ID}2:00000000.4",
            f"{ID}1",
            f"{ID}1:x",
            "abcdef12.3",
            "x:y",
            f"{ID.upper()}1:abcdef12.3",
            f"{ID.replace('-', '')}1:abcdef12.3",
        ],
    )
    def test_an_id_of_all_runs_is_valid_exactly_if_it_is_accepted(self, text: str) -> None:
        parameters = document()["paths"]["/api/events"]["get"]["parameters"]

        assert [each["name"] for each in parameters] == ["after", "lastEventId", "Last-Event-ID"]
        assert all(accepts(text, each["schema"]) is parses(run_stream.Cursors, text) for each in parameters)

    @pytest.mark.parametrize("path", ["/api/conversations", "/api/conversations/{conversation_id}/messages"])
    def test_a_page_has_the_documented_size(self, path: str) -> None:
        [limit] = [
            each["schema"] for each in document()["paths"][path]["get"]["parameters"] if each["name"] == "limit"
        ]

        assert pagination.page_size("") == limit["default"]
        assert pagination.page_size(str(limit["minimum"])) == limit["minimum"]
        assert pagination.page_size(str(limit["maximum"])) == limit["maximum"]
        for outside in (limit["minimum"] - 1, limit["maximum"] + 1):
            with pytest.raises(ApiError):
                pagination.page_size(str(outside))
