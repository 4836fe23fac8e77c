"""Removes what a client claims about its own request, but only a server or a proxy can know.

Servers and frameworks take the path prefix, the scheme and the client's address from headers that any client can
send: Daphne reads `Daphne-Root-Path`, uvicorn `X-Forwarded-Proto` and `X-Forwarded-For`, allauth `X-Forwarded-For`
(docs/security.md lists them). Here the settings decide, whichever server runs the application.
"""

from __future__ import annotations

import ipaddress
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from chatsite.metrics_access import has_token, names_an_address

logger = logging.getLogger("chat.proxy")

Scope = MutableMapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Headers that proxies set or that frameworks trust. None of them reaches the application.
PROXY_HEADERS: Final = frozenset(
    {
        *(b"forwarded", b"via", b"proxy", b"daphne-root-path", b"script-name", b"x-script-name", b"path-info"),
        *(b"remote-addr", b"remote-user", b"x-real-ip", b"x-client-ip", b"client-ip", b"true-client-ip"),
        *(b"x-cluster-client-ip", b"cf-connecting-ip", b"fastly-client-ip", b"x-remote-addr", b"x-remote-user"),
        *(b"x-original-url", b"x-original-host", b"x-rewrite-url", b"x-host", b"x-http-host-override"),
        *(b"x-url-scheme", b"x-scheme", b"front-end-https", b"x-arr-ssl", b"wl-proxy-ssl"),
        *(b"x-http-method", b"x-http-method-override", b"x-method-override", b"x-prefix", b"x-base-url"),
    }
)
ASKED_BY: Final = (b"host", b"authorization")
PROXY_PREFIX: Final = b"x-forwarded"
FORWARDED_FOR: Final = b"x-forwarded-for"
# For load balancers and monitoring, which call each server by its IP address, not by a name of the site.
PROBES: Final = frozenset({"/healthz", "/readyz"})
METRICS: Final = "/metrics"


class TrustedScope:
    """ASGI wrapper for HTTP and WebSocket. It makes these parts of the scope independent of the client:

    - `root_path` is `sub_path`, and `path` begins with it, whether or not a proxy has removed it.
    - `scheme` is `https` (`wss`) if `https`, otherwise `http` (`ws`).
    - `client` is the peer. With trusted proxies in front (their number is `proxies`), it is the entry of
      `X-Forwarded-For` written by the outermost of them, counted from the right; the client can forge entries further
      left.
    - `headers` contain none of PROXY_HEADERS, and no name with an underscore, which CGI-like names cannot distinguish
      from a hyphen (CVE-2026-3902).
    - `Host` is `probe_host` for PROBES; for METRICS only if it was a single IP address or `metrics_token` was sent.
    - `chat.unknown_proxy` is whether there seems to be a proxy that `proxies` does not count. Then `client` may be
      that proxy's address.
    """

    def __init__(
        self,
        app: Application,
        *,
        https: bool,
        proxies: int,
        probe_host: str,
        metrics_token: str = "",
        sub_path: str = "",
    ) -> None:
        self._app = app
        self._sub_path = sub_path
        self._https = https
        self._proxies = proxies
        self._probe_host = probe_host.encode("ascii", "ignore")
        self._metrics_token = metrics_token
        self._has_told = False

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = self._trusted(scope)
        await self._app(scope, receive, send)

    def _trusted(self, scope: Scope) -> Scope:
        # The same pairs: a socket keeps them for as long as it is open.
        headers: Headers = [header for header in scope["headers"] if not is_proxy_header(header[0])]
        if scope["type"] == "http":
            scheme = "https" if self._https else "http"
            path = self._below(scope["path"])
            if path in PROBES or (path == METRICS and self._may_name_any_host(headers)):
                headers = [(name, value) for name, value in headers if name != b"host"]
                headers.append((b"host", self._probe_host))
        else:
            scheme = "wss" if self._https else "ws"
        trusted = {"scheme": scheme, "client": self._client(scope), "headers": headers}
        address = {"root_path": self._sub_path, "path": self._sub_path + self._below(scope["path"])}
        unknown_proxy = not self._proxies and any(is_proxy_header(name) for name, _ in scope["headers"])
        if unknown_proxy and not self._has_told:
            self._tell_of_the_proxy(scope)
        return {**scope, **trusted, **address, "chat.unknown_proxy": unknown_proxy}

    def _below(self, path: str) -> str:
        """The path below the sub-path."""
        if self._sub_path and f"{path}/".startswith(f"{self._sub_path}/"):
            return path.removeprefix(self._sub_path) or "/"
        return path

    def _tell_of_the_proxy(self, scope: Scope) -> None:
        """Log once: any client can send the header."""
        if any(name == FORWARDED_FOR for name, _ in scope["headers"]):
            self._has_told = True
            client = scope.get("client") or ("a Unix socket",)
            logger.warning(
                "proxy: X-Forwarded-For received from %s, but CHAT_TRUSTED_PROXIES is 0: all clients behind it share "
                "one IP address, also for limits on wrong passwords. If it is your proxy, set CHAT_TRUSTED_PROXIES=1.",
                client[0],
            )

    def _may_name_any_host(self, headers: Headers) -> bool:
        """A scraper calls a server by its IP address. A page in a DNS rebinding attack uses a host name instead."""
        hosts, tokens = ([value.decode("latin-1") for name, value in headers if name == wanted] for wanted in ASKED_BY)
        if len(tokens) == 1 and has_token(tokens[0], self._metrics_token):
            return True
        return len(hosts) == 1 and names_an_address(hosts[0])

    def _client(self, scope: Scope) -> Any:
        if self._proxies:
            sent = b",".join(value for name, value in scope["headers"] if name == FORWARDED_FOR)
            entries = [each.strip() for each in sent.decode("latin-1").split(",") if each.strip()]
            # Fewer entries than proxies: the client connected behind the outermost one.
            address = address_of(entries[-min(self._proxies, len(entries))]) if entries else None
            if address is not None:
                return (address, 0)
        return scope.get("client")


def is_proxy_header(name: bytes) -> bool:
    """`name` must be in lower case, as in an ASGI scope."""
    return name in PROXY_HEADERS or name.startswith(PROXY_PREFIX) or b"_" in name


def address_of(entry: str) -> str | None:
    """The IP address in an entry of `X-Forwarded-For`, which may have a port; None for anything else."""
    host = entry
    if entry.startswith("["):
        host = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        host = entry.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def probe_host(allowed_hosts: Iterable[str]) -> str:
    """A name that Django accepts in a Host header. ".example.org" matches all names below it, "*" any."""
    first = next(iter(allowed_hosts), "*")
    return "localhost" if first == "*" else first.lstrip(".")


def distrust_headers() -> None:
    """Patch the loaded servers, which read such headers themselves before the application runs.

    Daphne responds to a `Daphne-Root-Path` or WebSocket protocol that is not ASCII with 500 and a traceback. uvicorn
    replaces the client's address, so the peer's is lost; its option for that (`--proxy-headers`) is on by default.
    """
    if daphne := sys.modules.get("daphne.http_protocol"):
        process = daphne.WebRequest.process

        def process_without_root_path(request: Any) -> Any:
            request.requestHeaders.removeHeader(b"Daphne-Root-Path")
            offered = request.requestHeaders.getRawHeaders(b"Sec-WebSocket-Protocol", ())
            if not all(value.isascii() for value in offered):
                # Daphne decodes it as ASCII; such an offer does not contain our protocol.
                request.requestHeaders.removeHeader(b"Sec-WebSocket-Protocol")
            return process(request)

        daphne.WebRequest.process = process_without_root_path
    if uvicorn := sys.modules.get("uvicorn.middleware.proxy_headers"):

        async def call(middleware: Any, scope: Scope, receive: Any, send: Any) -> None:
            await middleware.app(scope, receive, send)

        uvicorn.ProxyHeadersMiddleware.__call__ = call
