"""Headers of responses without a page: streams, and errors that the server sends without calling the application."""

from __future__ import annotations

from typing import Final


def should_retry(retryable: bool) -> dict[str, str]:
    """For the clients of OpenAI and Anthropic, and libraries built on them.

    Without this header they retry every 408, 409, 429 and 5xx, even when a retry cannot succeed.
    """
    return {"X-Should-Retry": "true" if retryable else "false"}


# It is not a document, no other site may read or frame it, and browsers must not sniff its type.
NO_PAGE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
