"""Errors as Django responses, with the headers that belong to each."""

from __future__ import annotations

import math
from collections.abc import Mapping

from django.http import HttpResponse, JsonResponse

from chat.protocol.errors import ERRORS, ApiError, error_body
from chat.protocol.response_headers import should_retry


def error_response(
    code: str,
    message: str,
    *,
    retryable: bool | None = None,
    retry_after: float | None = None,
    repeatable: bool = True,
    about: Mapping[str, str] | None = None,
) -> HttpResponse:
    """`retryable` overrides the value from the table of errors. `retry_after` is in seconds.

    `repeatable`: whether sending the very same request again makes another attempt. `about`: as in ApiError.
    """
    status = ERRORS[code].status
    body = error_body(code, message, retryable=retryable)
    body["error"].update(about or {})  # type: ignore[typeddict-item]
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    for name, value in should_retry(body["error"]["retryable"] and repeatable).items():
        response.headers[name] = value
    if status in (429, 503):
        response.headers["Retry-After"] = str(math.ceil(retry_after or 1))
    return response


def refused(error: ApiError) -> HttpResponse:
    return error_response(error.code, error.message, retry_after=error.retry_after, about=error.about)


def not_signed_in(message: str = "Sign in, or send an API token.") -> HttpResponse:
    response = error_response("not_signed_in", message)
    response.headers["WWW-Authenticate"] = 'Bearer realm="chatsite"'
    return response


def unavailable(message: str = "The database cannot be reached. Try again.") -> HttpResponse:
    return error_response("unavailable", message, retry_after=5)
