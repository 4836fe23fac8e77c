"""Watches a browser use the site, and records everything that should not happen."""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Request, WebError, WebSocket

UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What the chat page requests by itself.
CHAT_PATHS: Final = (
    r"/",
    rf"/c/{UUID}",
    r"/static/[\w./-]+",
    r"/ws/chat",
    r"/api/events",
    r"/api/runs",
    rf"/api/runs/{UUID}(/(events|stop|keep))?",
    r"/api/search",
    r"/api/assistants",
    r"/api/conversations",
    rf"/api/conversations/{UUID}(/messages|/restore)?",
    r"/manifest\.webmanifest",
)
ADMIN_PATHS: Final = (r"/admin/.*",)
ACCOUNT_PATHS: Final = (r"/accounts/[\w/-]*", r"/setup/", r"/theme")
# The page requests a conversation whose first answer is still being written: it has no row yet.
NOT_SAVED_YET: Final = rf"console: .* 404 .*/api/conversations/{UUID}"
# What Chromium itself logs when there is no network.
NO_NETWORK: Final = (
    r"console: WebSocket connection",
    r"console: Failed to load resource: net::ERR_",
)
# Requests that were pending when the user signed out.
LOGGED_OUT: Final = (r"console: .* 401 .*/api/conversations", r"console: chat: .* ChatError: Sign in")
SEEN_SECONDS: Final = 60.0
# Requests that do not leave the browser.
LOCAL_SCHEMES: Final = frozenset({"data", "blob", "about"})

# Runs in every document before its own scripts. Payloads set `__x` if they are executed.
REPORT: Final = """
(() => {
  const tell = (what) => window.tellTheWatch(`${what} at ${location.pathname}`);
  document.addEventListener("securitypolicyviolation", (event) =>
    tell(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
  Object.defineProperty(window, "__x", { set: () => tell("executed"), get: () => undefined });
})();
"""


class Watch:
    """Watches everything that one browser context does. `site_url`: requests are allowed only to this origin, below
    this path.
    """

    def __init__(self, site_url: str, *, paths: tuple[str, ...] = CHAT_PATHS) -> None:
        self.site_url = site_url
        self.problems: list[str] = []
        self._paths = paths
        self._expected: list[str] = []

    async def start(self, context: BrowserContext) -> None:
        await context.expose_function("tellTheWatch", self._told)
        await context.add_init_script(REPORT)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        context.on("page", lambda page: page.on("websocket", self._socket))

    def allow(self, *paths: str) -> None:
        """Also allows requests to these paths (patterns) of the site."""
        self._paths += paths

    def expect(self, *patterns: str) -> None:
        """Problems that match these patterns are part of the test."""
        self._expected += patterns

    async def sees(self, *expected: str) -> None:
        """Waits for problems that contain these words: browser events arrive with a short delay."""
        async with asyncio.timeout(SEEN_SECONDS):
            while missing := [words for words in expected if words not in "\n".join(self.problems)]:
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    raise AssertionError(f"not seen: {missing} among {self.problems}") from None

    def check(self) -> None:
        """Fails with all unexpected problems."""
        unexpected = [problem for problem in self.problems if not self._is_expected(problem)]
        assert not unexpected, "\n".join(unexpected)

    def _is_expected(self, problem: str) -> bool:
        return any(re.search(pattern, problem) for pattern in self._expected)

    def _told(self, problem: str) -> None:
        self.problems.append(problem)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self.problems.append(f"error: {error.error}")

    async def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.type} {dialog.message}")
        await dialog.dismiss()

    def _request(self, request: Request) -> None:
        self._asked(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._asked(socket.url.replace("ws", "http", 1))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in LOCAL_SCHEMES:
            return
        root = urlsplit(self.site_url).path
        if f"{parts.scheme}://{parts.netloc}{root}" != self.site_url or not parts.path.startswith(root):
            self.problems.append(f"request to elsewhere: {url}")
        elif not any(re.fullmatch(pattern, parts.path.removeprefix(root)) for pattern in self._paths):
            self.problems.append(f"unexpected request: {url}")
