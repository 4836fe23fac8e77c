"""Responses of the server itself, before a request reaches the application: JSON, with the usual headers."""

from __future__ import annotations

import json
from typing import Final

from chat.protocol.errors import ERRORS, error_body
from chat.protocol.response_headers import NO_PAGE, should_retry
from chatsite import request_ids

_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 503: "Service Unavailable"}


def refusal(code: str, message: str, **more: str) -> bytes:
    """A complete HTTP/1.1 response that closes the connection."""
    status, retryable = ERRORS[code].status, ERRORS[code].retryable
    body = json_body(code, message)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        **should_retry(retryable),
        **NO_PAGE,
        **more,
    }
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", body]).encode()


def named(response: bytes, request_id: str) -> bytes:
    """The same response with the ID of the refused request."""
    status, _, rest = response.partition(b"\r\n")
    return b"\r\n".join([status, f"{request_ids.HEADER}: {request_id}".encode(), rest])


def json_body(code: str, message: str) -> str:
    return json.dumps(error_body(code, message))


MALFORMED: Final = refusal("bad_request", "This request cannot be understood.")
TOO_SLOW: Final = refusal("request_timeout", "The request did not arrive in time.")
TOO_BIG: Final = refusal("body_too_big", "The request is too large.")
CROWDED: Final = refusal(
    "unavailable", "The server has no room for another connection. Try again in a moment.", **{"Retry-After": "5"}
)
