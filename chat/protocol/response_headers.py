"""Headers of the answers that are no pages: streams, and refusals of the server before the application is asked."""

from __future__ import annotations

from typing import Final


def should_retry(retryable: bool) -> dict[str, str]:
    """For the clients of OpenAI and Anthropic, and what is built on them.

    Without a word they send every 408, 409, 429 and 5xx again, also where that cannot help.
    """
    return {"X-Should-Retry": "true" if retryable else "false"}


# No document is made of it, no other site may read or frame it, and no browser guesses what it is.
NO_PAGE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
