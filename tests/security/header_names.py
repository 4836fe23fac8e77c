"""The names of all request headers that the installed servers and frameworks read, found in their sources."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

# The modules that see a request. A package stands for everything below it.
SOURCES: Final = (
    *("daphne", "channels", "csp", "servestatic", "uvicorn"),
    *("autobahn.websocket.protocol", "twisted.web.http"),
    *("django.contrib.admin", "django.contrib.auth", "django.contrib.sessions", "django.contrib.staticfiles"),
    *("django.core.handlers", "django.http", "django.middleware", "django.utils", "django.views", "django.template"),
    *("allauth.account", "allauth.core", "allauth.utils"),
)
_NAME: Final = r"[A-Za-z][A-Za-z0-9_-]*"
# META["HTTP_X_NAME"], headers.get("x-name"), headers["X-Name"], getHeader(b"X-Name"), hasHeader, getRawHeaders;
# `name == b"x-name"`, `"x-name" in self.http_headers`, and defaults of parameters that name a header.
READS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"""["']HTTP_([A-Z_]+)["']""",
        rf"""headers(?:\.get\(|\[|\.pop\()\s*b?["']({_NAME})["']""",
        rf"""(?:getHeader|getRawHeaders|hasHeader|header_value)\(\s*b?["']({_NAME})["']""",
        rf"""(?:name|header|key|k|header_name)(?:\.lower\(\))?\s*(?:==|in)\s*\(?b?["']({_NAME})["']""",
        rf"""b?["']({_NAME})["']\s+(?:not\s+)?in\s+(?:self\.|request\.)?(?:http_)?headers""",
        rf"""\w*header_name\s*=\s*["']({_NAME})["']""",
        rf"""_HEADER\w*\s*=\s*b?["']({_NAME})["']""",
    )
)
# Headers that other software reads, and that a future view might read.
KNOWN: Final = frozenset(
    {
        *("daphne-root-path", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"),
        *("x-forwarded-server", "x-forwarded-prefix", "x-forwarded-ssl", "x-forwarded-scheme", "forwarded", "via"),
        *("x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip"),
        *("x-original-url", "x-rewrite-url", "x-original-host", "x-host", "x-script-name", "script-name", "proxy"),
        *("x-http-method-override", "x-http-method", "x-method-override", "front-end-https", "x-url-scheme"),
        *("remote-addr", "remote-user", "x-remote-user", "path-info", "content-location", "x-wap-profile"),
        *("from", "origin", "referer", "user-agent", "host", "max-forwards", "te", "x-request-id", "x-user"),
        *("x-csrftoken", "x-user-id"),
    }
)
# These define the request itself: its body, its connection, or the site it is for.
OF_THE_REQUEST: Final = frozenset(
    {
        *("host", "connection", "upgrade", "content-length", "transfer-encoding", "expect", "te"),
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"),
        *("sec-websocket-accept",),
    }
)


def hostile_names() -> list[str]:
    """All headers that a client can add to a request without making it a different request."""
    return sorted(names_read() - OF_THE_REQUEST)


def names_read() -> frozenset[str]:
    found = set(KNOWN)
    for source in SOURCES:
        for path in _files(source):
            text = path.read_text("utf-8", "replace")
            found |= {name.lower().replace("_", "-") for pattern in READS for name in pattern.findall(text)}
    return frozenset(found)


def _files(source: str) -> list[Path]:
    spec = find_spec(source)
    assert spec is not None, source
    if spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
        return [path for path in root.rglob("*.py") if "tests" not in path.relative_to(root).parts]
    assert spec.origin is not None
    return [Path(spec.origin)]
