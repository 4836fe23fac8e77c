"""The JSON Schema that the other modules are written in. Dialect: 2020-12, as OpenAPI 3.1 has it."""

from __future__ import annotations

from typing import Any, Final

from chat.protocol.events import EPOCH_LENGTH
from chat.protocol.untrusted_input import UUID_PATTERN

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
MILLISECONDS: Final[Schema] = {"type": "integer", "minimum": 0}
FLAG: Final[Schema] = {"type": "boolean"}
# As a parameter of an address. `1` and `0` are taken as well.
CHOICE: Final[Schema] = {"type": "boolean", "default": False}
UUID: Final[Schema] = {"type": "string", "format": "uuid"}
TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$",
    "examples": ["2026-11-29T12:00:00.000000+00:00"],
}
ADDRESS: Final[Schema] = {"type": "string", "format": "uri-reference"}

_CURSOR = f"[A-Za-z0-9]{{{EPOCH_LENGTH}}}\\.(0|[1-9][0-9]{{0,15}})"
CURSOR: Final[Schema] = {"type": "string", "pattern": f"^{_CURSOR}$"}
CURSOR_OR_NOTHING: Final[Schema] = {"type": "string", "pattern": f"^({_CURSOR})?$"}
CURSORS: Final[Schema] = {"type": "string", "pattern": f"^({UUID_PATTERN}:{_CURSOR}(,{UUID_PATTERN}:{_CURSOR})*)?$"}
PAGE: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}

# What a person reads must hold more than white space.
NOT_BLANK: Final = r"\S"


def said(schema: Schema, description: str) -> Schema:
    """The same schema, with what it means here."""
    return {**schema, "description": description}


def nullable(schema: Schema) -> Schema:
    """For a schema with one `type`."""
    return {**schema, "type": [schema["type"], "null"]}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def body(description: str, properties: dict[str, Schema]) -> Schema:
    """An object that a client sends: every field may be left out, and there are no others."""
    return {"type": "object", "description": description, "properties": properties, "additionalProperties": False}


def nullable_shape(schema: Schema) -> Schema:
    """An object, or null. Written out: of a reference beside null, generators make a type of its own."""
    return {**schema, "type": [schema["type"], "null"]}


def shape(description: str, properties: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object. More fields may be added to it one day: clients ignore those that they do not know."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }
