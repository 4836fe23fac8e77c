"""Safari's engine: WebKitGTK's MiniBrowser, controlled by W3C WebDriver: https://www.w3.org/TR/webdriver2/."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from tests.engines import programs
from tests.engines.window import HEIGHT, PATIENCE_SECONDS, POLL_SECONDS, WIDTH, Action, Window
from tests.ports import closed_port

BROWSERS: Final = ("usr/lib/*/webkit*gtk-*/MiniBrowser", "usr/libexec/webkit*gtk-*/MiniBrowser")
SCREEN: Final = "1600x1200x24"
# WebDriver does not report console messages: the page records them itself, once it has loaded.
PROBE: Final = """() => {
  const told = (window.told = []);
  for (const level of ["error", "warn"]) {
    const say = console[level];
    console[level] = (...words) => {
      told.push(`${level}: ${words.join(" ")}`);
      say.apply(console, words);
    };
  }
  window.addEventListener("error", ({ message }) => {
    // Not a fault: after a resize, WebKit lays out a page twice, and reports the second size a frame later.
    if (!message.startsWith("ResizeObserver loop completed")) told.push(`error: ${message}`);
  });
  window.addEventListener("unhandledrejection", (event) => told.push(`error: ${event.reason}`));
}"""
# Whether the window has this width and the page is laid out for it: for some frames it keeps the old width's style.
LAID_OUT: Final = """async (width) => {
  const places = () => [...document.querySelectorAll("body *")].map((each) => {
    const { x, y, right, bottom } = each.getBoundingClientRect();
    return [x, y, right, bottom].join();
  }).join(" ");
  const before = places();
  for (let frames = 0; frames < 20; frames += 1) await new Promise(requestAnimationFrame);
  return innerWidth === width && places() === before;
}"""
VARIABLES: Final = {
    # Its sandbox needs what containers do not have. It opens nothing but the site.
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "LIBGL_ALWAYS_SOFTWARE": "1",
}
# WebDriver's own way to wait for a promise.
WAIT: Final = """
const [given, done] = arguments;
Promise.resolve()
  .then(() => (FUNCTION)(given))
  .then((text) => done({ text }), (error) => done({ error: String(error) }));
"""


def executable() -> str | None:
    found = (path for pattern in BROWSERS for path in sorted(Path("/").glob(pattern)))
    return next(map(str, found), None)


class WebDriverError(Exception):
    """The browser could not execute a command."""


class WebKitWindow(Window):
    def __init__(self, http: aiohttp.ClientSession, session: str) -> None:
        super().__init__()
        self._http = http
        self._session = f"/session/{session}"

    async def go(self, url: str) -> None:
        await self.listen()
        await self._post("/url", url=url)
        await self.run(PROBE)

    async def reload(self) -> None:
        await self.listen()
        await self._post("/refresh")
        await self.run(PROBE)

    async def listen(self) -> None:
        """Adds the page's console messages to the problems, before they are lost with the page."""
        self.problems += await self.run("() => window.told?.splice(0) ?? []")

    async def set_cookie(self, url: str, name: str, value: str) -> None:
        # WebDriver sets cookies only for the open page.
        await self.go(f"{url}/healthz")
        cookie = {"name": name, "value": value, "path": "/", "domain": urlsplit(url).hostname, "httpOnly": True}
        await self._post("/cookie", cookie=cookie)

    async def resize(self, width: int, height: int) -> None:
        outer = await self._http_json("GET", "/window/rect")
        inner = await self.run("() => [innerWidth, innerHeight]")
        await self._post(
            "/window/rect",
            width=width + outer["width"] - inner[0],
            height=height + outer["height"] - inner[1],
        )
        await self.until(LAID_OUT, width)

    async def act(self, *sources: Action) -> None:
        await self._post("/actions", actions=list(sources))
        # Otherwise WebKit remembers the last turn of the wheel and adds it to the next.
        if any(source["type"] == "wheel" for source in sources):
            await self._http_json("DELETE", "/actions")

    async def _call(self, function: str, argument: str) -> str:
        answer = await self._post("/execute/async", script=WAIT.replace("FUNCTION", function), args=[argument])
        if "error" in answer:
            raise WebDriverError(answer["error"])
        return str(answer["text"])

    async def _post(self, path: str, **data: object) -> Any:
        return await self._http_json("POST", path, data)

    async def _http_json(self, method: str, path: str, data: object = None) -> Any:
        return await _asked(self._http, method, self._session + path, data)


class WebKit:
    def __init__(self, http: aiohttp.ClientSession, browser: str) -> None:
        self._http = http
        self._browser = browser

    @asynccontextmanager
    async def window(self) -> AsyncIterator[Window]:
        options = {"binary": self._browser, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        session = (await _asked(self._http, "POST", "/session", {"capabilities": wanted}))["sessionId"]
        window = WebKitWindow(self._http, session)
        try:
            milliseconds = int(PATIENCE_SECONDS * 1000)
            limits = {"script": milliseconds, "pageLoad": milliseconds}
            await _asked(self._http, "POST", f"/session/{session}/timeouts", limits)
            await window.resize(WIDTH, HEIGHT)
            yield window
            await window.listen()
        finally:
            await _asked(self._http, "DELETE", f"/session/{session}")


@asynccontextmanager
async def webkit() -> AsyncIterator[WebKit]:
    """On a virtual display."""
    browser, driver = executable(), shutil.which("WebKitWebDriver")
    assert driver, "WebKit not found: install the package webkit2gtk-driver"
    assert browser, "WebKit not found: install the package webkit2gtk-driver"
    with programs.home() as folder, _screen(folder) as display:
        port = closed_port()
        command = ("stdbuf", "-oL", "dbus-run-session", "--", driver, "--host=127.0.0.1", f"--port={port}")
        with programs.running(command, folder, variables=VARIABLES | {"DISPLAY": display}) as log:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
                await _ready(http, log)
                yield WebKit(http, browser)


@contextmanager
def _screen(folder: Path) -> Iterator[str]:
    """Starts Xvfb on a free display, and yields its name."""
    reading, writing = os.pipe()
    try:
        command = ("Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp")
        with programs.running(command, folder, variables={}, pass_fds=[writing]):
            os.close(writing)
            writing = -1
            # Xvfb writes the number when it is ready. If it exits before that, the pipe is empty.
            number = os.read(reading, 16).decode().strip()
            assert number, (folder / "Xvfb.log").read_text(errors="replace")
            yield f":{number}"
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


async def _ready(http: aiohttp.ClientSession, log: Path) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await _asked(http, "GET", "/status")
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(POLL_SECONDS)
                else:
                    return
    except TimeoutError:
        raise AssertionError(f"WebKit's driver does not start:\n{programs.said(log)}") from None


async def _asked(http: aiohttp.ClientSession, method: str, path: str, data: object = None) -> Any:
    async with http.request(method, path, json=(data or {}) if method == "POST" else None) as response:
        value = (await response.json())["value"]
    if isinstance(value, dict) and "error" in value and response.status >= 400:
        raise WebDriverError(f"{method} {path}: {value['error']}: {value['message']}")
    return value
