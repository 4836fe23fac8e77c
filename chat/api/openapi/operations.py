"""One method of one address, as OpenAPI writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chat.api.openapi.errors import refusals
from chat.api.openapi.values import TEXT, UUID, Schema, ref, said
from chat.api.streams.event_streams import HEADERS

READING: Final[list[Schema]] = [{"token": []}, {"session": []}]
WRITING: Final[list[Schema]] = [{"token": []}, {"session": [], "csrf": []}]

# What may be said to anybody, whatever is called.
_ALWAYS: Final = (
    "not_signed_in",
    "another_user",
    "method_not_allowed",
    "too_many_requests",
    "unavailable",
    "server_error",
)
_BODY: Final = ("bad_json", "bad_request", "request_timeout", "body_too_big")


def operation(
    name: str,
    summary: str,
    *,
    tag: str,
    answers: dict[str, Schema],
    refused: Sequence[str] = (),
    description: str = "",
    writes: bool = False,
    body: str = "",
    parameters: Sequence[Schema] = (),
) -> Schema:
    """`name` is the operationId, `body` the name of a schema, `refused` the codes that are this call's own."""
    codes = [*_ALWAYS, *(["forbidden"] if writes else []), *(_BODY if body else []), *refused]
    return {
        "operationId": name,
        "summary": summary,
        **({"description": description} if description else {}),
        "tags": [tag],
        "security": WRITING if writes else READING,
        **({"parameters": list(parameters)} if parameters else {}),
        **({"requestBody": _request_body(body)} if body else {}),
        "responses": {**answers, **refusals(*dict.fromkeys(codes))},
    }


def answer(
    name: str, description: str, *, links: dict[str, Schema] | None = None, headers: dict[str, Schema] | None = None
) -> Schema:
    """A JSON response of the schema with this name."""
    content = {"application/json": {"schema": ref(name)}}
    return {
        "description": description,
        **({"headers": headers} if headers else {}),
        "content": content,
        **({"links": links} if links else {}),
    }


def empty(description: str) -> Schema:
    return {"description": description}


def event_stream(item: str, description: str) -> Schema:
    """A response of Server-Sent Events, each as the schema with this name describes it."""
    headers = {
        name: {"schema": {**TEXT, "const": value}}
        for name, value in HEADERS.items()
        # OpenAPI says what an answer's type is by its content alone.
        if name != "Content-Type"
    }
    # Of an event stream, generators and checkers take the schema to be that of one event.
    content = {"text/event-stream": {"schema": ref(item)}}
    return {"description": description, "headers": headers, "content": content}


def path_id(name: str, description: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": UUID}


def query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def header(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def link(name: str, description: str, **parameters: str) -> Schema:
    """To the operation with this name; each parameter is a field of the answer."""
    found = {parameter: f"$response.body#/{field}" for parameter, field in parameters.items()}
    return said({"operationId": name, "parameters": found}, description)


def _request_body(name: str) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": ref(name)}}}
