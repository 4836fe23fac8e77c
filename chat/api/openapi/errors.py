"""The errors in the document, all from the table in chat.protocol.errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chat.api.openapi.components import TEXT, Schema, ref
from chat.protocol.errors import ERRORS

# An extension that generators know: the meaning of each value of an `enum`.
SENTENCES: Final = "x-enum-descriptions"
# Our own extension: the codes a response may have. In its schema, they would give each response a type of its own.
CODES_HERE: Final = "x-error-codes"

_ALWAYS: Final[Schema] = {
    "X-Should-Retry": {
        "description": "Whether the same request, sent again, may succeed. Clients of OpenAI and Anthropic read it.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    }
}
_RETRY_AFTER: Final[Schema] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
}
_HEADERS: Final[dict[int, Schema]] = {
    401: {"WWW-Authenticate": {"description": "How to sign in.", "schema": TEXT}},
    405: {"Allow": {"description": "The supported methods.", "schema": TEXT}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def error_schemas() -> dict[str, Schema]:
    """The schemas by name."""
    fields: Schema = {
        "code": ref("ErrorCode"),
        "message": {**TEXT, "description": "A sentence for a person."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
    }
    return {
        "Error": {
            "type": "object",
            "description": "The body of every error, and of every failure of a run that was waited for.",
            "properties": {
                "error": {
                    "type": "object",
                    "description": "What is wrong.",
                    "properties": fields,
                    "required": list(fields),
                }
            },
            "required": ["error"],
        },
        "ErrorCode": {
            "type": "string",
            "description": "What is wrong, for a program.",
            # Not a `oneOf` of constants with descriptions: generated clients would fail on every error.
            "enum": list(ERRORS),
            SENTENCES: [kind.sentence for kind in ERRORS.values()],
        },
    }


def error_responses(codes: Iterable[str]) -> dict[str, Schema]:
    """The responses of a call that can fail with these codes, by status."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(ERRORS[code].status, []).append(code)
    return {str(status): _response(status, found) for status, found in sorted(by_status.items())}


def _response(status: int, codes: list[str]) -> Schema:
    return {
        "description": " ".join(f"`{code}`: {ERRORS[code].sentence}" for code in codes),
        "headers": {**_HEADERS.get(status, {}), **_ALWAYS},
        "content": {"application/json": {"schema": ref("Error")}},
        CODES_HERE: codes,
    }
