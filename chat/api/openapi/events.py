"""The events of a run (docs/protocol.md), and the two streams that carry them.

OpenAPI 3.1 has no `itemSchema`, so a stream item is written as in 3.2: an object with the fields of a Server-Sent
Event, whose `data` is JSON in a string.
"""

from __future__ import annotations

from typing import Any, Final

from chat.api.openapi.components import Schema, ref, schema_of, schemas_of
from chat.protocol.event_data import EVENTS, Ping, Usage, UserMessage
from chat.protocol.fields import RunCursor, RunCursors
from chat.protocol.notices import NOTICES

RUN_STREAM_ITEM: Final = "RunStreamItem"
USER_STREAM_ITEM: Final = "UserStreamItem"


def event_schemas() -> dict[str, Schema]:
    """The schemas by name."""
    cursor, cursors = schema_of(RunCursor), schema_of(RunCursors)
    return {
        **{schema_name(name): _data(name, kind) for name, kind in EVENTS.items()},
        "PingEvent": _data("ping", Ping),
        **schemas_of([UserMessage, Usage]),
        "Notice": _notice(),
        RUN_STREAM_ITEM: {
            "description": "An event of one run's stream.",
            "oneOf": [*(_item(name, ref(schema_name(name)), cursor) for name in EVENTS), _ping()],
        },
        USER_STREAM_ITEM: {
            "description": "An event of the stream of all runs: `data` says which run, `id` where each of them is.",
            "oneOf": [
                *(_item(name, _with_run_id(name), cursors) for name in EVENTS),
                _item("notice", ref("Notice"), None),
                _ping(),
            ],
        },
    }


def schema_name(event: str) -> str:
    """The name of the schema of an event's data: `ToolStartEvent` for `tool_start`."""
    return "".join(word.capitalize() for word in event.split("_")) + "Event"


def _data(name: str, kind: type[Any]) -> Schema:
    """An event's data with its name in `type`, as every transport sends it."""
    schema = _first("type", name, schemas_of([kind])[kind.__name__])
    if name == "error":
        schema["properties"]["code"] = ref("ErrorCode")
    return schema


def _first(name: str, value: str, schema: Schema) -> Schema:
    """The schema with a constant as its first field."""
    return {
        **schema,
        "properties": {name: {"const": value}, **schema["properties"]},
        "required": [name, *schema["required"]],
    }


def _notice() -> Schema:
    kinds = []
    for kind in NOTICES:
        schema = schemas_of([kind])[kind.__name__]
        (value,) = schema["properties"].pop("kind")["enum"]
        schema["required"].remove("kind")
        kinds.append(_first("type", "notice", _first("kind", value, schema)))
    return {"description": "Something has happened that a list of conversations shows.", "oneOf": kinds}


def _with_run_id(event: str) -> Schema:
    run_id: Schema = {"type": "object", "properties": {"run_id": {"type": "string", "format": "uuid"}}}
    return {"allOf": [ref(schema_name(event)), {**run_id, "required": ["run_id"]}]}


def _item(event: str, data: Schema, id: Schema | None) -> Schema:
    fields: dict[str, Schema] = {"id": id} if id is not None else {}
    fields["event"] = {"const": event}
    fields["data"] = {"type": "string", "contentMediaType": "application/json", "contentSchema": data}
    return {"type": "object", "properties": fields, "required": list(fields)}


def _ping() -> Schema:
    return {
        **_item("ping", ref("PingEvent"), None),
        "description": "A sign of life. It is no event of a run: its `id`, if any, is the cursor that was sent.",
    }
