"""Requests that are refused: one family for every transport. Nothing has been changed when one is raised."""

from __future__ import annotations

from typing import Final

STATUS: Final = {
    "bad_request": 400,
    "bad_json": 400,
    "bad_cursor": 400,
    "empty_text": 400,
    "text_too_long": 400,
    "unknown_type": 400,
    "not_signed_in": 401,
    "forbidden": 403,
    "another_user": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409,
    "busy": 409,
    "no_model": 409,
    "body_too_big": 413,
    "rate_limited": 429,
    "too_many_runs": 429,
    "too_many_requests": 429,
    "unavailable": 503,
    "draining": 503,
}
_RETRYABLE: Final = frozenset(
    {"request_timeout", "busy", "rate_limited", "too_many_runs", "too_many_requests", "unavailable", "draining"}
)


class ApiError(Exception):
    """`message` is a sentence for the person; `retry_after` is in seconds."""

    def __init__(self, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.code]

    @property
    def retryable(self) -> bool:
        return self.code in _RETRYABLE


def not_found() -> ApiError:
    """For what does not exist and for what is somebody else's: the same answer, so that neither can be told."""
    return ApiError("not_found", "There is nothing here with this id.")
