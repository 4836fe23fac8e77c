"""The schema as the docs page shows it: sections of calls, then the objects and events that they refer to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chat.api.openapi.components import Schema
from chat.api.openapi.errors import CODES_HERE, SENTENCES
from chat.api.openapi.events import schema_name
from chat.protocol.event_data import EVENTS

METHODS: Final = ("get", "post", "patch", "delete")
_FORMATS: Final = {"uuid": "UUID", "date-time": "time", "uri-reference": "address"}


@dataclass(frozen=True, slots=True)
class Type:
    """A word of a type. The name of another schema links to its place on the page."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    types: list[Type]
    is_required: bool
    description: str
    limits: str


@dataclass(frozen=True, slots=True)
class Parameter:
    field: Field
    place: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `codes` are its error codes; the page explains each of them once, in a table."""

    status: str
    description: str
    types: list[Type]
    media_type: str
    codes: list[str]


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    method: str
    path: str
    summary: str
    description: str
    is_public: bool
    body: list[Type]
    parameters: list[Parameter]
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    description: str
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shape:
    """An object. `event` is the event's name on the wire if the object is event data."""

    name: str
    event: str
    description: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Code:
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Reference:
    title: str
    version: str
    description: str
    sections: list[Section]
    objects: list[Shape]
    events: list[Shape]
    notices: list[Shape]
    codes: list[Code]


def reference(document: Schema) -> Reference:
    """The content of the page, in its order."""
    info, schemas = document["info"], document["components"]["schemas"]
    codes = schemas["ErrorCode"]
    sections = {tag["name"]: Section(tag["name"], tag["description"]) for tag in document["tags"]}
    for call, tag in _calls(document["paths"]):
        sections[tag].calls.append(call)
    events = {schema_name(name): name for name in (*EVENTS, "ping")}
    shapes = [_shape(name, events.get(name, ""), schema) for name, schema in schemas.items() if "properties" in schema]
    return Reference(
        title=info["title"],
        version=info["version"],
        description=info["description"],
        sections=list(sections.values()),
        objects=[each for each in shapes if not each.event],
        events=[each for each in shapes if each.event],
        notices=[_shape("", _of_kind(notice), notice) for notice in schemas["Notice"]["oneOf"]],
        codes=[Code(*each) for each in zip(codes["enum"], codes[SENTENCES], strict=True)],
    )


def _calls(paths: Schema) -> Iterator[tuple[Call, str]]:
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                yield _call(path, method, operation, item.get("parameters", [])), operation["tags"][0]


def _call(path: str, method: str, operation: Schema, shared: list[Schema]) -> Call:
    body = operation.get("requestBody", {}).get("content", {})
    return Call(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        is_public=not operation["security"],
        body=_types(body["application/json"]["schema"]) if body else [],
        parameters=[_parameter(each) for each in [*shared, *operation.get("parameters", [])]],
        answers=[_answer(status, response) for status, response in sorted(operation["responses"].items())],
    )


def _parameter(parameter: Schema) -> Parameter:
    schema = {**parameter["schema"], "description": parameter["description"]}
    return Parameter(_field(parameter["name"], schema, parameter["required"]), parameter["in"])


def _answer(status: str, response: Schema) -> Answer:
    for media_type, content in response.get("content", {}).items():
        schema = content["schema"]
        return Answer(status, response["description"], _types(schema), media_type, response.get(CODES_HERE, []))
    return Answer(status, response["description"], [], "", [])


def _shape(name: str, event: str, schema: Schema) -> Shape:
    required = schema.get("required", [])
    fields = [_field(each, value, each in required) for each, value in schema["properties"].items()]
    return Shape(name, event, schema["description"], fields)


def _of_kind(notice: Schema) -> str:
    kind: str = notice["properties"]["kind"]["const"]
    return kind


def _field(name: str, schema: Schema, is_required: bool) -> Field:
    return Field(name, _types(schema), is_required, schema.get("description", ""), _limits(schema))


def _types(schema: Schema) -> list[Type]:
    """The words of a type, to be joined without spaces."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return [Type(name, name)]
    if "const" in schema:
        return [Type(json.dumps(schema["const"]))]
    if "enum" in schema:
        return _joined([[Type(json.dumps(each))] for each in schema["enum"]])
    if "anyOf" in schema and "type" not in schema:
        return _joined([_types(each) for each in schema["anyOf"]])
    names = schema.get("type", "any")
    return _joined([_named(each, schema) for each in ([names] if isinstance(names, str) else names)])


def _named(name: str, schema: Schema) -> list[Type]:
    if name == "array" and "items" in schema:
        return [Type("list of "), *_types(schema["items"])]
    if name == "array":
        return [Type("list")]
    return [Type(_FORMATS.get(schema.get("format", ""), name) if name == "string" else name)]


def _joined(alternatives: list[list[Type]]) -> list[Type]:
    first, *others = alternatives
    return [*first, *(word for other in others for word in [Type(" or "), *other])]


def _limits(schema: Schema) -> str:
    limits = []
    if "maximum" in schema:
        limits.append(f"From {schema['minimum']:,} to {schema['maximum']:,}.")
    if "maxLength" in schema:
        limits.append(f"At most {schema['maxLength']:,} characters.")
    if "default" in schema:
        limits.append(f"Left out, {json.dumps(schema['default'])}.")
    return " ".join(limits)
