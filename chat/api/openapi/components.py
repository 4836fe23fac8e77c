"""The schemas of the document, generated from the types of `chat.protocol`. JSON Schema 2020-12, as in OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, get_type_hints

import msgspec

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
_PLACE: Final = "#/components/schemas/"


def ref(name: str) -> Schema:
    return {"$ref": f"{_PLACE}{name}"}


def schemas_of(kinds: Iterable[type[Any]]) -> dict[str, Schema]:
    """The schemas of these TypedDicts, and of all that they refer to, by name."""
    wanted = list(kinds)
    _, found = msgspec.json.schema_components(wanted, ref_template=f"{_PLACE}{{name}}")
    types = {kind.__name__: kind for kind in _with_named(wanted)}
    return {name: _object(types[name], schema, found) for name, schema in found.items() if name in types}


def schema_of(kind: Any) -> Schema:
    """The schema of a field's type. A schema is returned unchanged."""
    if isinstance(kind, dict):
        return kind
    (schema,), found = msgspec.json.schema_components([kind], ref_template=f"{_PLACE}{{name}}")
    return _plain(schema, found)


def _with_named(kinds: list[type[Any]]) -> Iterable[type[Any]]:
    """The TypedDicts among these types and inside them, each once."""
    found: dict[str, type[Any]] = {}
    waiting: list[Any] = list(kinds)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and hasattr(kind, "__required_keys__"):
            if kind.__name__ not in found:
                found[kind.__name__] = kind
                waiting += get_type_hints(kind).values()
        else:
            waiting += getattr(kind, "__args__", ())
    return found.values()


def _object(kind: type[Any], schema: Schema, found: dict[str, Schema]) -> Schema:
    order = list(get_type_hints(kind))
    properties = {name: _plain(schema["properties"][name], found) for name in order}
    required = [name for name in order if name in schema["required"]]
    return {
        "type": "object",
        **({"description": " ".join(kind.__doc__.split())} if kind.__doc__ else {}),
        "properties": properties,
        # Without required fields it is a request body: every field is optional, and no other is allowed.
        **({"required": required} if required else {"additionalProperties": False}),
    }


def _plain(schema: Schema, found: dict[str, Schema]) -> Schema:
    """Without `anyOf`, not even of a reference and null: generators turn it into types without fields."""
    schema = {name: value for name, value in schema.items() if name != "anyOf"} | _chosen(schema, found)
    if "items" in schema:
        schema["items"] = _plain(schema["items"], found)
    if "enum" in schema:
        schema = {"type": "string", **schema}
    return {name: schema[name] for name in ("type", *schema) if name in schema}


def _chosen(schema: Schema, found: dict[str, Schema]) -> Schema:
    forms = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if not forms:
        return {}
    if len(forms) > 1:
        raise ValueError(f"a choice that no schema of ours has: {schema}")
    form = _plain(forms[0], found)
    if "$ref" in form:
        form = _inlined(form["$ref"].removeprefix(_PLACE), found)
    outer = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**form, "type": [form["type"], "null"], **outer}


def _inlined(name: str, found: dict[str, Schema]) -> Schema:
    schema = found[name]
    return {
        "type": "object",
        "description": " ".join(schema["description"].split()),
        "properties": {each: _plain(value, found) for each, value in schema["properties"].items()},
        "required": schema["required"],
    }
