"""The whole OpenAPI 3.1 document, generated from the API's URL patterns and the decorator of each view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.conf import settings
from django.urls import URLPattern, URLResolver, reverse

from chat.api.calls import ABOUT, ASSISTANTS, CONVERSATIONS, JSON, RUNS, Call, Gives, Parameter
from chat.api.openapi.components import TEXT, Schema, ref, schema_of, schemas_of
from chat.api.openapi.errors import error_responses, error_schemas
from chat.api.openapi.events import event_schemas
from chat.api.openapi.requests import request_schemas

VERSION: Final = "1"

_DESCRIPTION: Final = """\
Everything that the chat can do, for programs. JSON in, JSON out; answers stream as Server-Sent Events.

Authenticate with an API token in the `Authorization` header: `manage.py create_api_token USERNAME` makes one, and so \
does a person's account page. A browser that is signed in uses its session cookie, and sends its CSRF token with \
every request that is not a GET. With a token, cookies are ignored and no CSRF token is needed. A token never belongs \
in a URL.

A run writes one answer, and its numbered event log is all there is to follow: over these streams, over the \
WebSocket at `/ws/chat`, in a second tab. Disconnecting does not stop a run. Its question and its answer are saved \
together when it ends, and `done` comes after that.

An error is `{"error": {"code", "message", "retryable"}}`. A client ignores event names and fields that it does not \
know. What responds to GET also responds to HEAD.

In requests nothing is ignored: an unknown field or parameter is rejected, and the error names it. Flags in a URL \
are `true` or `false` (or `1` or `0`). An id is a UUID, with or without dashes, in upper or lower case; responses \
have it in lower case with dashes.

Every response has an `X-Request-ID`, which is also in the server's log: the one that was sent, if it has at most 128 \
letters, digits and `-_=+`, else a new one. Every error has an `X-Should-Retry`. A run that failed stays failed: to \
ask again, send the message with a new `client_message_id`.\
"""

_TAGS: Final[list[Schema]] = [
    {"name": RUNS, "description": "Send a message, and follow, stop or keep its answer."},
    {"name": CONVERSATIONS, "description": "Conversations, their messages, and search."},
    {"name": ASSISTANTS, "description": "Models, each with a name and instructions."},
    {"name": ABOUT, "description": "For programs and for people. Public: it holds nobody's data."},
]
_IDS: Final = {
    "run_id": "A run's id.",
    "conversation_id": "A conversation's id.",
    "message_id": "The id of an answer that waits for a person.",
}
_READING: Final[list[Schema]] = [{"token": []}, {"session": []}]
_WRITING: Final[list[Schema]] = [{"token": []}, {"session": [], "csrf": []}]
# Errors that any call can return.
_ALWAYS: Final = (
    "not_signed_in",
    "another_user",
    "method_not_allowed",
    "too_many_requests",
    "unavailable",
    "server_error",
)
_BODY: Final = ("bad_json", "bad_request", "request_timeout", "body_too_big")


class Undocumented(Exception):
    """A URL pattern, view or tag of the API lacks its documentation."""


def document() -> Schema:
    """The document, with the current settings. Raises Undocumented."""
    # Imported here because the document has a URL in the API itself.
    from chat.api.urls import urlpatterns

    return describe(urlpatterns)


def describe(patterns: Iterable[URLPattern | URLResolver]) -> Schema:
    """The document of these URL patterns. Raises Undocumented."""
    calls = list(_calls(patterns))
    if unknown := {call.tag for _, _, _, call in calls} - {tag["name"] for tag in _TAGS}:
        raise Undocumented(f"These tags have no description: {', '.join(sorted(unknown))}.")
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "Chatsite", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/", "description": "This site."}],
        "tags": _TAGS,
        "paths": _paths(calls),
        "components": {
            "schemas": {
                **request_schemas(),
                **schemas_of(_types(call for _, _, _, call in calls)),
                **error_schemas(),
                **event_schemas(),
            },
            "securitySchemes": _security(),
        },
    }


def address_of(path: str) -> str:
    """The full URL path of a path relative to the API's root."""
    return reverse("chat:api:openapi").removesuffix("openapi.json") + path


def _calls(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[tuple[str, list[str], str, Call]]:
    """The path, its ids, the method and the call of every view. A view without `route` is for GET."""
    for pattern in patterns:
        if not isinstance(pattern, URLPattern):
            raise Undocumented(f"{pattern} is no address of a call.")
        view = pattern.callback
        for method, each in getattr(view, "methods", {"GET": view}).items():
            if not hasattr(each, "call"):
                raise Undocumented(f"{method} {pattern.pattern} has no @call above its view.")
            ids = list(pattern.pattern.converters)
            path = str(pattern.pattern)
            for name in ids:
                path = path.replace(f"<id:{name}>", f"{{{name}}}")
            yield address_of(path), ids, method.lower(), each.call


def _paths(calls: Iterable[tuple[str, list[str], str, Call]]) -> dict[str, Schema]:
    paths: dict[str, Schema] = {}
    for path, ids, method, call in calls:
        item = paths.setdefault(path, {"parameters": [_path_id(name) for name in ids]} if ids else {})
        item[method] = _operation(call, is_writing=method != "get")
    return paths


def _operation(call: Call, *, is_writing: bool) -> Schema:
    description = call.description if isinstance(call.description, str) else call.description()
    return {
        "operationId": call.name,
        "summary": call.summary,
        **({"description": description} if description else {}),
        "tags": [call.tag],
        "security": [] if call.is_public else _WRITING if is_writing else _READING,
        **({"parameters": [_parameter(each) for each in call.parameters]} if call.parameters else {}),
        **({"requestBody": _request_body(call.takes)} if call.takes else {}),
        "responses": {
            **{str(status): _response(given) for status, given in call.gives.items()},
            **(_PUBLIC if call.is_public else error_responses(_refused(call, is_writing=is_writing))),
        },
    }


_PUBLIC: Final[dict[str, Schema]] = {
    "405": {
        "description": "Only GET and HEAD are supported. The response is empty.",
        "headers": {"Allow": {"description": "The supported methods.", "schema": TEXT}},
    }
}


def _refused(call: Call, *, is_writing: bool) -> list[str]:
    return [*_ALWAYS, *(["forbidden"] if is_writing else []), *(_BODY if call.takes else []), *call.refuses]


def _response(given: Gives) -> Schema:
    return {
        "description": given.description,
        **({"headers": dict(given.headers)} if given.headers else {}),
        **({"content": {given.media: {"schema": _body(given.body)}}} if given.body is not None else {}),
        **({"links": dict(given.links)} if given.links else {}),
    }


def _body(body: Any) -> Schema:
    if isinstance(body, dict):
        return body
    return ref(body if isinstance(body, str) else body.__name__)


def _request_body(kind: type[Any]) -> Schema:
    return {"required": True, "content": {JSON: {"schema": ref(kind.__name__)}}}


def _path_id(name: str) -> Schema:
    schema = {"type": "string", "format": "uuid"}
    return {"name": name, "in": "path", "required": True, "description": _IDS[name], "schema": schema}


def _parameter(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": False,
        "description": parameter.description,
        "schema": schema_of(parameter.kind),
    }


def _types(calls: Iterable[Call]) -> list[type[Any]]:
    """The response types, each once, in the order of the calls."""
    given = (each.body for call in calls for each in call.gives.values())
    return list(dict.fromkeys(body for body in given if isinstance(body, type)))


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
