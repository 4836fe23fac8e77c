"""The document describes the events of the protocol as the code sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema.exceptions import ValidationError

from chat.api.openapi.document import document
from chat.api.openapi.events import schema_name
from chat.api.streams import run_stream
from chat.protocol import event_data, events
from chat.protocol.event_data import EVENTS
from chat.protocol.events import Entry, Event
from chat.protocol.parts import ToolCall, unfold
from chat.protocol.sse import Decoder, ping
from chat.streams.base import Batch
from tests.api.openapi.openapi import ID, check, schema_of

_TIME = "2026-12-07T12:00:00.000000+00:00"
PROTOCOL = {
    *("start", "status", "reasoning", "token", "usage", "reset", "done", "error"),
    *("tool_start", "tool_progress", "tool_result", "tool_error", "approval_request", "approval", "question"),
    *("agent_start", "agent_done"),
}


def sent_events() -> list[Event]:
    """One example of each event that the code can create, in each of its forms."""
    return [
        events.start(
            {
                "run_id": f"{ID}1",
                "conversation_id": f"{ID}2",
                "client_message_id": f"{ID}3",
                "assistant": "demo",
                "model": "demo",
                "attempt": 1,
                "user_message": {"text": "Hello", "parent_id": None, "attachments": []},
            }
        ),
        events.start(
            {
                "run_id": f"{ID}1",
                "conversation_id": f"{ID}2",
                "client_message_id": f"{ID}3",
                "assistant": "demo",
                "model": "demo",
                "attempt": 1,
                "user_message": {"id": f"{ID}6", "text": "Hello", "parent_id": f"{ID}7", "attachments": []},
                "continues": f"{ID}8",
                "time_zone": "Europe/Berlin",
                "tools": False,
                "tools_chosen": True,
            }
        ),
        events.status("Saving the answer…", "saving"),
        events.reasoning("Hm."),
        events.thought(1200),
        events.token("Hello"),
        events.usage({"input_tokens": 3, "output_tokens": 5}),
        events.reset(1, "unknown_cursor"),
        _done(usage={"input_tokens": 3, "output_tokens": 5}, ttft_ms=12),
        _done(usage=None, ttft_ms=None),
        events.done(
            {
                "status": "waiting",
                "message_id": f"{ID}4",
                "parent_id": f"{ID}5",
                "finish_reason": "approval",
                "characters": 0,
                "ttft_ms": None,
                "duration_ms": 40,
                "usage": None,
                "pending": ["c1"],
            }
        ),
        events.error("timeout", "It took too long.", retryable=True),
        events.error("rate_limited", "Too many.", retryable=True, retry_after=2.5),
    ]


def _asked(approval: dict[str, Any] | None, question: dict[str, Any] | None = None) -> ToolCall:
    return ToolCall("c1", "local:send", {"to": "Ann"}, "waiting", approval=approval, question=question)


def asked_events() -> list[Event]:
    """What a person is asked, and has decided."""
    calls = [
        _asked({"reason": "policy", "expires_at": _TIME}),
        _asked({"decision": "deny", "scope": "once", "note": "No."}),
        _asked(None, question={"text": "Which?", "choices": ["red"], "allows_text": True}),
    ]
    return [event for event in unfold(calls) if event.name != "tool_start"]


def _done(*, usage: event_data.Usage | None, ttft_ms: int | None) -> Event:
    return events.done(
        {
            "status": "completed",
            "message_id": f"{ID}4",
            "parent_id": f"{ID}5",
            "finish_reason": "stop",
            "characters": 5,
            "ttft_ms": ttft_ms,
            "duration_ms": 40,
            "usage": usage,
        }
    )


class TestEvents:
    def test_each_protocol_event_is_documented(self) -> None:
        assert set(EVENTS) == PROTOCOL
        assert {schema_name(name) for name in PROTOCOL} <= set(document()["components"]["schemas"])

    def test_each_event_of_the_code_is_covered(self) -> None:
        # `thought` creates the last `reasoning` event.
        made = {
            "reasoning" if name == "thought" else name
            for name, value in vars(events).items()
            if getattr(value, "__annotations__", {}).get("return") == "Event"
        }

        assert made == {event.name for event in sent_events()}

    @pytest.mark.parametrize("event", [*sent_events(), *asked_events()], ids=lambda event: event.name)
    def test_event_data_is_valid(self, event: Event) -> None:
        check(events.typed(event.name, event.data), schema_name(event.name))

    @pytest.mark.parametrize("event", [*sent_events(), *asked_events()], ids=lambda event: event.name)
    def test_data_without_its_fields_is_not_valid(self, event: Event) -> None:
        with pytest.raises(ValidationError):
            check({}, schema_name(event.name))

    def test_the_items_of_a_stream_are_valid(self) -> None:
        entries = [Entry(seq, event.name, event.data) for seq, event in enumerate(sent_events(), start=1)]
        sent = run_stream.encode_batch(Batch("abcdef12", entries))

        items = [{"id": each.id, "event": each.event, "data": each.data} for each in Decoder().feed(sent)]

        assert len(items) == len(entries)
        for item in items:
            check(item, "RunStreamItem")
            check(json.loads(item["data"] or ""), schema_name(item["event"] or ""))
            check({**item, "id": f"{ID}1:{item['id']}"}, "UserStreamItem")

    def test_a_heartbeat_is_valid(self) -> None:
        [sent] = Decoder().feed(ping(15.0, retry_ms=1000))

        check(json.loads(sent.data), "PingEvent")
        for stream in ("RunStreamItem", "UserStreamItem"):
            check({"event": sent.event, "data": sent.data}, stream)

    @pytest.mark.parametrize(
        "path_method", [("/api/runs/stream", "post"), ("/api/runs/{run_id}/events", "get"), ("/api/events", "get")]
    )
    def test_streams_document_their_items(self, path_method: tuple[str, str]) -> None:
        path, method = path_method
        content = document()["paths"][path][method]["responses"]["200"]["content"]

        item = content["text/event-stream"]["schema"]["$ref"].rsplit("/", 1)[1]
        assert item == ("UserStreamItem" if path == "/api/events" else "RunStreamItem")
        named = [each["properties"]["event"]["const"] for each in schema_of(item)["oneOf"]]
        assert set(named) == PROTOCOL | {"ping"} | ({"notice"} if item == "UserStreamItem" else set())
