"""The whole schema: OpenAPI 3.1, made from the parts beside this file."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.urls import reverse

from chat.api.openapi import conversations, runs
from chat.api.openapi.errors import error_schemas
from chat.api.openapi.events import event_schemas
from chat.api.openapi.objects import objects
from chat.api.openapi.values import TEXT, Schema

VERSION: Final = "1"
ABOUT: Final = "This document"

_DESCRIPTION = """\
Everything that the chat can do, for programs. JSON in, JSON out; answers stream as Server-Sent Events.

Sign in with an API token in the `Authorization` header: `manage.py create_api_token USERNAME` makes one. A browser \
that is signed in uses its session cookie, and sends its CSRF token with whatever is not a GET. With a token, cookies \
are ignored and no CSRF token is needed. A token never belongs in an address.

A run writes one answer, and its numbered event log is all there is to follow: over these streams, over the \
WebSocket at `/ws/chat`, in a second tab. Disconnecting does not stop a run. Its question and its answer are saved \
together when it ends, and `done` comes after that.

An error is `{"error": {"code", "message", "retryable"}}`. A client ignores event names and fields that it does not \
know. What answers a GET also answers a HEAD.

The other way round nothing is ignored: a field or a parameter that a call does not know is refused, and the answer \
names it. Flags in an address are `true` or `false` (or `1` or `0`). An id is a UUID, with its dashes or without, in \
capitals or not; it is always answered in small letters with dashes.

Every answer has an `X-Request-ID`, which is also in the server's log: the one that was sent, if it has at most 128 \
letters, digits and `-_=+`, else a new one. Every error has an `X-Should-Retry`. A run that \
failed stays failed: to ask again, send the message with a new `client_message_id`.\
"""


def document() -> Schema:
    """The schema as it is with the settings of now."""
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "Chatsite", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/", "description": "This site."}],
        "tags": [
            {"name": runs.TAG, "description": "Send a message, and follow, stop or keep its answer."},
            {"name": conversations.TAG, "description": "What was said, and where it belongs."},
            {"name": conversations.ASSISTANTS, "description": "Models, each with a name and instructions."},
            {"name": ABOUT, "description": "For a program and for a person. Public: it holds nobody's data."},
        ],
        "paths": {address_of(path): item for path, item in _paths().items()},
        "components": {
            "schemas": {**objects(), **error_schemas(), **event_schemas()},
            "securitySchemes": _security(),
        },
    }


def address_of(path: str) -> str:
    """The whole address of a path below the API's own."""
    return reverse("chat:api:openapi").removesuffix("openapi.json") + path


def _paths() -> dict[str, Schema]:
    return {**runs.paths(), **conversations.paths(), "openapi.json": {"get": SCHEMA}, "docs": {"get": PAGE}}


def _security() -> dict[str, Schema]:
    csrf_header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of a browser that is signed in.",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": csrf_header,
            "description": f"The value of the `{settings.CSRF_COOKIE_NAME}` cookie, which is sent as well.",
        },
    }


def _public(name: str, summary: str, content: Schema) -> Schema:
    allow = {"Allow": {"description": "The methods that there are.", "schema": TEXT}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [ABOUT],
        "security": [],
        "responses": {
            "200": {"description": "The document.", "content": content},
            "405": {"description": "Only GET, and HEAD, here. The answer is empty.", "headers": allow},
        },
    }


SCHEMA: Final = _public("getSchema", "The schema", {"application/json": {"schema": {"type": "object"}}})
PAGE: Final = _public("readSchema", "The schema as a page", {"text/html": {"schema": TEXT}})
