"""Every error that a client can receive: one table, one JSON body, one exception.

A request rejected with one of REQUEST_ERRORS has changed nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, NotRequired, TypedDict


class ErrorKind(NamedTuple):
    """`status`: over HTTP. `retryable`: whether the same request may succeed later. `sentence`: for the docs."""

    status: int
    retryable: bool
    sentence: str


REQUEST_ERRORS: Final = {
    "bad_request": ErrorKind(400, False, "A field is missing or wrong, or the request cannot be understood."),
    "bad_json": ErrorKind(400, False, "The body is not a JSON object."),
    "bad_cursor": ErrorKind(400, False, "The cursor is malformed."),
    "empty_text": ErrorKind(400, False, "The message is empty or only white space."),
    "text_too_long": ErrorKind(400, False, "The message has more characters than the limit."),
    "unknown_type": ErrorKind(400, False, "A WebSocket frame has an unknown type."),
    "not_signed_in": ErrorKind(401, False, "Neither a session nor a valid API token was sent."),
    "forbidden": ErrorKind(403, False, "The CSRF token is missing or wrong."),
    "another_user": ErrorKind(403, False, "`X-User-Id` names a different user than the one who is signed in."),
    "not_found": ErrorKind(404, False, "It does not exist, or belongs to somebody else: the response is the same."),
    "method_not_allowed": ErrorKind(405, False, "This method is not supported; `Allow` lists those that are."),
    "request_timeout": ErrorKind(408, True, "The request did not arrive in time."),
    "conflict": ErrorKind(
        409,
        False,
        "The request contradicts the current state: a `client_message_id` was used before for another message, or the "
        "answer is still being written.",
    ),
    "answered": ErrorKind(
        409, False, "What the message waited for is decided: `run_id` and `conversation_id` are those of the run."
    ),
    "expired": ErrorKind(409, False, "It is too late to allow this."),
    "busy": ErrorKind(409, True, "The conversation is being answered."),
    "no_model": ErrorKind(409, False, "No model is set up that you may use: an administrator must act."),
    "body_too_big": ErrorKind(413, False, "The request body is too large."),
    "rate_limited": ErrorKind(
        429,
        True,
        "Too many messages per minute: from you, or, in a run, from this site to the model provider. Or too many of "
        "your searches or pages of messages at once.",
    ),
    "too_many_runs": ErrorKind(
        429, True, "The limit of answers being written for you is reached, or they use all of your space."
    ),
    "too_many_requests": ErrorKind(429, True, "You have reached the limit of connections or concurrent requests."),
    "unavailable": ErrorKind(
        503,
        True,
        "The database or Redis cannot be reached, or the site has reached its own limit of answers or of messages per "
        "minute.",
    ),
    "draining": ErrorKind(
        503, True, "The server is shutting down. Another one, or this one after its restart, will respond."
    ),
}
RUN_ERRORS: Final = {
    "provider_unavailable": ErrorKind(503, True, "The model server cannot be reached, or is unavailable."),
    "provider_error": ErrorKind(502, False, "The model server rejected the request, or failed while it answered."),
    "authentication_failed": ErrorKind(502, False, "The model server rejected this site's API key."),
    "timeout": ErrorKind(504, True, "The model server took too long."),
    "empty_answer": ErrorKind(502, True, "The model finished without writing anything."),
    "incomplete": ErrorKind(502, True, "The answer broke off."),
    "output_too_long": ErrorKind(502, False, "The answer exceeded the site's limit."),
    "quota_exceeded": ErrorKind(429, False, "This site's account at the model provider has no credit left."),
    "interrupted": ErrorKind(503, True, "The server restarted while it answered."),
    "save_failed": ErrorKind(503, True, "The answer is complete, but could not be saved."),
}
SERVER_ERRORS: Final = {
    "server_error": ErrorKind(500, True, "Something went wrong on the server. The cause is in its log."),
}
ERRORS: Final = {**REQUEST_ERRORS, **RUN_ERRORS, **SERVER_ERRORS}

# The errors a run can end with; some of them can also reject a request.
RUN_FAILURES: Final = ("rate_limited", "unavailable", *RUN_ERRORS)


class ErrorFields(TypedDict):
    code: str
    message: str
    retryable: bool
    run_id: NotRequired[str]
    conversation_id: NotRequired[str]


class ErrorBody(TypedDict):
    error: ErrorFields


def error_fields(code: str, message: str, *, retryable: bool | None = None) -> ErrorFields:
    """The fields of every error. `message` is a sentence for a person; `retryable` overrides the table's value."""
    return {"code": code, "message": message, "retryable": ERRORS[code].retryable if retryable is None else retryable}


def error_body(code: str, message: str, *, retryable: bool | None = None) -> ErrorBody:
    """The JSON body of every HTTP error response."""
    return {"error": error_fields(code, message, retryable=retryable)}


class ApiError(Exception):
    """The request is rejected. `message` is a sentence for a person; `retry_after` is in seconds.

    `about`: fields that the response has besides: the ids of a run.
    """

    def __init__(
        self, code: str, message: str, *, retry_after: float | None = None, about: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.about: Mapping[str, str] = about or {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return ERRORS[self.code].status

    @property
    def retryable(self) -> bool:
        return ERRORS[self.code].retryable


def not_found() -> ApiError:
    """The same error for missing objects and for those of another user, so that nobody can tell them apart."""
    return ApiError("not_found", "There is nothing here with this id.")
