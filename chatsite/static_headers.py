"""Headers of static files, which bypass the middleware that sets the headers of pages. Some open like a page."""

from __future__ import annotations

from typing import Final
from wsgiref.headers import Headers

# For a file opened directly: an SVG then runs no script and has no origin.
_ALONE: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
# A worker uses the policy of its own file, not of the page that starts it.
_SCRIPT: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def static_headers(headers: Headers, path: str, url: str) -> None:
    """For SERVESTATIC_ADD_HEADERS_FUNCTION."""
    headers["Content-Security-Policy"] = _SCRIPT if url.endswith((".js", ".mjs")) else _ALONE
    # The page that shows an external image is sandboxed without an origin, so style sheets are cross-origin to it.
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if url.endswith(".css") else "same-origin"
