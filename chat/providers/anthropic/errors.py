"""What an error means that comes in the stream instead of a status.

Spec: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

from typing import Any, Final

import httpx2

from chat.providers.base import ProviderError
from chat.providers.http import errors, quotes

# The status with which the server refuses a request for the same reason.
_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def reported(data: bytes, value: Any, *, secret: quotes.Secret) -> ProviderError:
    """The error that the data of an event reports. `value`: the data parsed, or None."""
    error = value.get("error") if isinstance(value, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    status = _STATUSES.get(kind) if isinstance(kind, str) else None
    if status is not None:
        return errors.from_status(httpx2.Response(status, content=data), secret=secret)
    return errors.reported(data.decode("utf-8", "replace") if value is None else value, secret=secret)
