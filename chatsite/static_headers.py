"""Headers of static files. They pass no middleware that would set a page's, and some can be opened like a page."""

from __future__ import annotations

from typing import Final
from wsgiref.headers import Headers

# Opened by itself, a file is no page of the site: an SVG runs no script there, and has no origin.
_ALONE: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
# A worker has the policy of its own file, not of the page that starts it.
_SCRIPT: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def static_headers(headers: Headers, path: str, url: str) -> None:
    """For SERVESTATIC_ADD_HEADERS_FUNCTION."""
    headers["Content-Security-Policy"] = _SCRIPT if url.endswith((".js", ".mjs")) else _ALONE
    # The page that shows another site's picture has no origin, and is another site to its own style sheet.
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if url.endswith(".css") else "same-origin"
