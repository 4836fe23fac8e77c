"""Responses of the server itself, before a request reaches the application: JSON, with the usual headers."""

from __future__ import annotations

import json
from typing import Final

from chat.protocol.response_headers import NO_PAGE, should_retry
from chatsite import request_ids

_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 503: "Service Unavailable"}


def refusal(status: int, code: str, message: str, *, retryable: bool = False, **more: str) -> bytes:
    """A complete HTTP/1.1 response that closes the connection."""
    body = error_body(code, message, retryable=retryable)
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


def error_body(code: str, message: str, *, retryable: bool = False) -> str:
    return json.dumps({"error": {"code": code, "message": message, "retryable": retryable}})


MALFORMED: Final = refusal(400, "bad_request", "This request cannot be understood.")
TOO_SLOW: Final = refusal(408, "request_timeout", "The request did not arrive in time.", retryable=True)
TOO_BIG: Final = refusal(413, "body_too_big", "The request is too large.")
CROWDED: Final = refusal(
    503,
    "unavailable",
    "The server has no room for another connection. Try again in a moment.",
    retryable=True,
    **{"Retry-After": "5"},
)
