"""Firefox, controlled directly by WebDriver BiDi over a WebSocket: https://www.w3.org/TR/webdriver-bidi/."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.engines import programs
from tests.engines.window import HEIGHT, PATIENCE_SECONDS, POLL_SECONDS, WIDTH, Action, Window
from tests.ports import closed_port

NAMES: Final = ("firefox-esr", "firefox")
PREFERENCES: Final[dict[str, object]] = {
    # Pretend that there is a mouse: a machine without a screen has none.
    "ui.primaryPointerCapabilities": 6,
    "ui.allPointerCapabilities": 6,
    # No requests to anything but the site.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9",
    "toolkit.telemetry.server": "",
    # No prompts and no start page.
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "trailhead.firstrun.didSeeAboutWelcome": True,
    # Scroll bars take up space, as on most desktops.
    "widget.gtk.overlay-scrollbars.enabled": False,
}
TOLD: Final = ("error", "warn")


def executable() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class BiDiError(Exception):
    """The browser could not execute a command."""


class Connection:
    """Sends commands, returns their results, and passes each event to its window."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._windows: dict[str, FirefoxWindow] = {}
        self._count = 0

    async def send(self, method: str, **parameters: object) -> dict[str, Any]:
        self._count += 1
        number = self._count
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = result
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await result

    async def receive(self) -> None:
        """Runs until the browser exits."""
        try:
            async for text in self._socket:
                self._received(json.loads(text))
        except ConnectionClosed:
            pass
        for result in self._waiting.values():
            result.cancel()

    def watch(self, context: str, window: FirefoxWindow) -> None:
        self._windows[context] = window

    def _received(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            window = self._windows.get(message["params"].get("source", {}).get("context", ""))
            if window:
                window.told(message["params"])
            return
        result = self._waiting.pop(message["id"], None)
        if result is None or result.done():
            return
        if message["type"] == "success":
            result.set_result(message["result"])
        else:
            result.set_exception(BiDiError(f"{message['error']}: {message['message']}"))


class FirefoxWindow(Window):
    def __init__(self, connection: Connection, user: str, context: str) -> None:
        super().__init__()
        self._connection = connection
        self._user = user
        self._context = context

    async def go(self, url: str) -> None:
        await self._connection.send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def reload(self) -> None:
        await self._connection.send("browsingContext.reload", context=self._context, wait="complete")

    async def set_cookie(self, url: str, name: str, value: str) -> None:
        cookie = {
            "name": name,
            "value": {"type": "string", "value": value},
            "domain": urlsplit(url).hostname,
            "path": "/",
            "httpOnly": True,
        }
        partition = {"type": "storageKey", "userContext": self._user}
        await self._connection.send("storage.setCookie", cookie=cookie, partition=partition)

    async def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        await self._connection.send("browsingContext.setViewport", context=self._context, viewport=size)

    async def act(self, *sources: Action) -> None:
        await self._connection.send("input.performActions", context=self._context, actions=list(sources))

    async def _call(self, function: str, argument: str) -> str:
        answer = await self._connection.send(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": argument}],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise BiDiError(answer["exceptionDetails"]["text"])
        return str(answer["result"]["value"])

    def told(self, entry: dict[str, Any]) -> None:
        """Receives a console entry. Uncaught errors are console entries, too."""
        if entry["level"] in TOLD:
            self.problems.append(f"{entry['level']}: {entry['text']}")


class Firefox:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def window(self) -> AsyncIterator[Window]:
        send = self._connection.send
        user = (await send("browser.createUserContext"))["userContext"]
        context = (await send("browsingContext.create", type="tab", userContext=user))["context"]
        window = FirefoxWindow(self._connection, user, context)
        self._connection.watch(context, window)
        try:
            await window.resize(WIDTH, HEIGHT)
            yield window
        finally:
            await send("browser.removeUserContext", userContext=user)


@asynccontextmanager
async def firefox() -> AsyncIterator[Firefox]:
    """Headless, with its own profile."""
    path = executable()
    assert path, "Firefox not found: install the package firefox-esr"
    with programs.home() as folder:
        profile = folder / "profile"
        profile.mkdir()
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        )
        port = closed_port()
        command = (path, "--headless", "--no-remote", "--profile", str(profile))
        # about:blank is the only window until a user gets one.
        options = ("--remote-debugging-port", str(port), "about:blank")
        with programs.running((*command, *options), folder, variables={"MOZ_CRASHREPORTER_DISABLE": "1"}) as log:
            async with await _connected(port, log) as socket:
                connection = Connection(socket)
                receiving = asyncio.create_task(connection.receive())
                try:
                    await connection.send("session.new", capabilities={})
                    await connection.send("session.subscribe", events=["log.entryAdded"])
                    yield Firefox(connection)
                    await connection.send("browser.close")
                finally:
                    receiving.cancel()


async def _connected(port: int, log: Path) -> ClientConnection:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await connect(f"ws://127.0.0.1:{port}/session", max_size=None, ping_interval=None)
                except OSError:
                    await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"Firefox does not start:\n{programs.said(log)}") from None
