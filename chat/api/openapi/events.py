"""The events of a run (docs/protocol.md), and the two streams that carry them.

An item of a stream is written as OpenAPI 3.2 would have it in `itemSchema`, which 3.1 does not know: it has the fields
of a Server-Sent Event, and its `data` is JSON inside a string.
"""

from __future__ import annotations

from typing import Final

from chat.api.openapi.values import (
    COUNT,
    CURSOR,
    CURSORS,
    FLAG,
    MILLISECONDS,
    TEXT,
    UUID,
    Schema,
    list_of,
    nullable,
    one_of,
    ref,
    said,
    shape,
)

AGENT: Final = said(TEXT, "The member of a team that this is about.")
CALL: Final[dict[str, Schema]] = {"call_id": TEXT, "tool": TEXT}

USER_MESSAGE: Final = shape(
    "The question that the run answers.",
    {
        "id": said(UUID, "Only of one that is saved already, and answered once more."),
        "text": TEXT,
        "parent_id": nullable(UUID),
        "attachments": list_of(TEXT),
    },
    optional=("id",),
)
USAGE: Final = shape("Tokens so far, as the provider counts them.", {"input_tokens": COUNT, "output_tokens": COUNT})


def _of_agent(description: str, properties: dict[str, Schema]) -> Schema:
    return shape(description, {**properties, "agent": AGENT}, optional=("agent",))


EVENTS: Final[dict[str, Schema]] = {
    "start": shape(
        "Always first.",
        {
            "run_id": UUID,
            "conversation_id": UUID,
            "client_message_id": UUID,
            "assistant": said(TEXT, "The slug of the one who answers. Empty if it is gone by now."),
            "model": TEXT,
            "attempt": said({"type": "integer", "minimum": 1}, "1, unless another process took the run over."),
            "user_message": ref("UserMessage"),
            "continues": said(UUID, "The saved answer that this one begins with, if it continues one."),
        },
        optional=("continues",),
    ),
    "status": _of_agent(
        "A line about the progress, for a person to read.",
        {
            "text": TEXT,
            "state": {
                **said(TEXT, "What is going on, for a program."),
                "examples": ["thinking", "searching", "reading", "generating", "retrying", "saving"],
            },
        },
    ),
    "reasoning": _of_agent("A piece of what the model thinks, if it says so.", {"text": TEXT}),
    "token": _of_agent(
        "A piece of the answer. Every `text` since `start`, or since the last `reset`, joined, is the answer.",
        {"text": TEXT},
    ),
    "tool_start": _of_agent("The model calls a tool.", {**CALL, "arguments": {"type": "object"}}),
    "tool_progress": _of_agent(
        "A part of a tool's result, as it arrives.",
        {
            **CALL,
            "item": said({"type": "object"}, "For a search, one hit: `index`, `title`, `snippet`, `score`, `url`."),
        },
    ),
    "tool_result": _of_agent(
        "A tool has done its work.",
        {**CALL, "result": {"description": "A preview of at most 4 KiB."}, "duration_ms": MILLISECONDS},
    ),
    "tool_error": _of_agent(
        "A tool has failed. The run goes on.", {**CALL, "message": TEXT, "duration_ms": MILLISECONDS}
    ),
    "agent_start": shape(
        "A member of a team begins. Events that carry its `agent` are its own.", {"agent": TEXT, "name": TEXT}
    ),
    "agent_done": shape("A member of a team has ended.", {"agent": TEXT, "status": TEXT}),
    "usage": _of_agent("Tokens so far: later counts take the place of earlier ones.", dict(USAGE["properties"])),
    "reset": shape(
        "Throw away everything since `start`: the log comes again, or the run has begun again.",
        {
            "attempt": {"type": "integer", "minimum": 1},
            "reason": said(
                TEXT,
                "`unknown_cursor`: the cursor that was sent is of another log. `thought`: the text was thinking.",
            ),
        },
    ),
    "done": shape(
        "The end of an answer that is saved: whoever reads this finds the message in the API.",
        {
            "status": one_of("completed", "stopped"),
            "message_id": UUID,
            "parent_id": said(UUID, "The saved question."),
            "finish_reason": one_of("stop", "length", "content_filter", "stopped", "abandoned"),
            "characters": said(COUNT, "Code points of the answer. Another count: fetch the message again."),
            "ttft_ms": said(nullable(MILLISECONDS), "Time to the first token, in milliseconds."),
            "duration_ms": MILLISECONDS,
            "usage": {"anyOf": [ref("Usage"), {"type": "null"}]},
        },
    ),
    "error": shape(
        "The end of a run that failed. Nothing of the answer was saved; what had arrived can be kept.",
        {
            "code": ref("ErrorCode"),
            "message": said(TEXT, "A sentence for the person who asked."),
            "retryable": said(FLAG, "Whether the same may succeed later."),
            "retry_after": said({"type": "number", "minimum": 0}, "Seconds to wait before that."),
        },
        optional=("retry_after",),
    ),
}

_RUN: Final[dict[str, Schema]] = {"run_id": UUID, "conversation_id": UUID}
NOTICES: Final[dict[str, Schema]] = {
    "run_started": shape(
        "A run has begun, perhaps in another tab.",
        {**_RUN, "client_message_id": UUID, "title": TEXT, "cursor": CURSOR},
    ),
    "run_ended": shape("A run has ended.", {**_RUN, "status": one_of("completed", "stopped", "error")}),
    "run_dismissed": shape("A run that failed, and its question, were dismissed.", _RUN),
    "conversation_created": shape("A conversation has its first answer.", {"conversation": ref("Conversation")}),
    "conversation_renamed": shape("A conversation has another title.", {"conversation": ref("Conversation")}),
    "conversation_changed": shape(
        "Something else of it has changed: it was answered, pinned, archived, read, or shows another branch.",
        {"conversation": ref("Conversation")},
    ),
    "conversation_restored": shape("A deleted conversation is back.", {"conversation": ref("Conversation")}),
    "conversation_deleted": shape("A conversation was deleted.", {"conversation_id": UUID}),
}


def event_schemas() -> dict[str, Schema]:
    """The schemas by name."""
    return {
        **{schema_name(name): _typed(name, data) for name, data in EVENTS.items()},
        "PingEvent": PING_DATA,
        "UserMessage": USER_MESSAGE,
        "Usage": USAGE,
        "Notice": _notice(),
        "RunStreamItem": {
            "description": "An event of one run's stream.",
            "oneOf": [*(_item(name, ref(schema_name(name)), CURSOR) for name in EVENTS), PING],
        },
        "UserStreamItem": {
            "description": "An event of the stream of all runs: `data` tells which run, `id` where each of them is.",
            "oneOf": [
                *(_item(name, _with_run_id(name), CURSORS) for name in EVENTS),
                _item("notice", ref("Notice"), None),
                PING,
            ],
        },
    }


def schema_name(event: str) -> str:
    """The name of the schema of an event's data: `ToolStartEvent` for `tool_start`."""
    return "".join(word.capitalize() for word in event.split("_")) + "Event"


def _typed(name: str, data: Schema) -> Schema:
    """With the event's own name in it, as every transport sends it."""
    return {
        **data,
        "properties": {"type": {"const": name}, **data["properties"]},
        "required": ["type", *data["required"]],
    }


def _notice() -> Schema:
    kinds = []
    for kind, notice in NOTICES.items():
        named = {"type": {"const": "notice"}, "kind": {"const": kind}, **notice["properties"]}
        kinds.append(shape(notice["description"], named))
    return {"description": "Something has happened that a list of conversations shows.", "oneOf": kinds}


def _with_run_id(event: str) -> Schema:
    return {
        "allOf": [ref(schema_name(event)), {"type": "object", "properties": {"run_id": UUID}, "required": ["run_id"]}]
    }


def _item(event: str, data: Schema, id: Schema | None) -> Schema:
    fields: dict[str, Schema] = {"id": id} if id is not None else {}
    fields["event"] = {"const": event}
    fields["data"] = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    return {"type": "object", "properties": fields, "required": list(fields)}


PING_DATA: Final = _typed(
    "ping",
    shape(
        "A sign of life, at the beginning, at the end of a server, and when nothing has been sent for a while.",
        {"heartbeat": said({"type": "number", "exclusiveMinimum": 0}, "The longest silence to expect, in seconds.")},
    ),
)
PING: Final = {
    **_item("ping", ref("PingEvent"), None),
    "description": "A sign of life. It is no event of a run: its `id`, if any, is the cursor that was sent.",
}
