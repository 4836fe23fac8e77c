"""The document describes the objects that the code creates."""

from __future__ import annotations

from typing import Any, NotRequired, get_origin, get_type_hints

import pytest
from jsonschema.exceptions import ValidationError

from chat.api import serializers
from chat.models import Assistant, Conversation, Message
from chat.protocol import event_data, objects
from chat.protocol.cursors import Cursor
from chat.streams.base import RunInfo
from chat.tools.registry import Registry
from tests.api.openapi.openapi import ID, check, schema_of


def live_run() -> RunInfo:
    return RunInfo(
        run_id=f"{ID}1",
        owner_id=1,
        conversation_id=f"{ID}2",
        client_message_id=f"{ID}3",
        fingerprint="",
        title="Blue",
        state="live",
        cursor=Cursor("abcdef12", 3),
    )


class TestObjects:
    @pytest.mark.parametrize(
        ("name", "shape"),
        [
            ("Conversation", objects.Conversation),
            ("Message", objects.Message),
            ("Assistant", objects.Assistant),
            ("StartEvent", event_data.Start),
            ("DoneEvent", event_data.Done),
            ("ErrorEvent", event_data.Failure),
            ("UserMessage", event_data.UserMessage),
            ("Usage", event_data.Usage),
        ],
    )
    def test_schema_fields_match_the_code(self, name: str, shape: Any) -> None:
        schema = schema_of(name)

        hints = get_type_hints(shape, include_extras=True)
        # Transports add the type.
        own = {"type"} & set(schema["properties"]) if name.endswith("Event") else set()
        assert set(schema["properties"]) - own == set(hints)
        assert set(schema["required"]) - own == {
            name for name, hint in hints.items() if get_origin(hint) is not NotRequired
        }

    def test_roles_and_states_match_the_models(self) -> None:
        message = schema_of("Message")["properties"]

        assert message["role"]["enum"] == Message.Role.values
        assert message["status"]["enum"] == Message.Status.values

    @pytest.mark.django_db
    def test_api_objects_are_valid(self) -> None:
        assistant = Assistant(name="Demo", slug="demo", provider="demo", model="demo")
        conversation = Conversation(title="Blue", assistant=assistant)
        question = Message(conversation=conversation, role="user", text="Why?", client_message_id=f"{ID}3")
        answer = Message(
            conversation=conversation,
            parent=question,
            role="assistant",
            text="Because.",
            status="stopped",
            finish_reason="abandoned",
            assistant=assistant,
            run_id=f"{ID}1",
            ttft_ms=3,
        )

        check(serializers.assistant_object(assistant, default=True, demos=(), tools=Registry(())), "Assistant")
        check(serializers.conversation_object(conversation), "Conversation")
        check(serializers.message_object(question), "Message")
        check(serializers.message_object(answer), "Message")
        check(serializers.branch_message_object(answer, siblings=[answer.pk]), "Message")

    def test_a_run_is_valid(self) -> None:
        run = serializers.run_object(live_run())

        check(run, "Run")
        assert set(run) == set(schema_of("Run")["properties"])

    def test_notices_are_valid(self) -> None:
        conversation = serializers.conversation_object(Conversation(title="Blue"))

        check({"type": "notice", "kind": "run_started", **live_run().summary}, "Notice")
        check({"type": "notice", "kind": "conversation_renamed", "conversation": conversation}, "Notice")
        check({"type": "notice", "kind": "conversation_changed", "conversation": conversation}, "Notice")
        check({"type": "notice", "kind": "conversation_deleted", "conversation_id": f"{ID}2"}, "Notice")

    def test_a_notice_of_an_unknown_kind_is_invalid(self) -> None:
        with pytest.raises(ValidationError):
            check({"type": "notice", "kind": "run_paused", **live_run().summary}, "Notice")
