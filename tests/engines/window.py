"""What the journeys do in a browser, whichever it is. An engine tells how: see firefox.py and webkit.py."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

# A loaded machine takes long to load a page; what goes wrong for good is not found sooner by asking less.
PATIENCE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.03
WIDTH: Final = 1280
HEIGHT: Final = 800
# The private characters by which WebDriver names keys that write nothing.
KEYS: Final = {
    "Enter": "\ue007",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Escape": "\ue00c",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowUp": "\ue013",
    "ArrowDown": "\ue015",
}

# The middle of an element, on the screen. It is scrolled to only if it has to be.
MIDDLE: Final = """(selector) => {
  const element = [...document.querySelectorAll(selector)].findLast((each) => each.checkVisibility());
  if (!element) return null;
  element.scrollIntoView({ block: "nearest", behavior: "instant" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return [Math.round(x + width / 2), Math.round(y + height / 2)];
}"""

Action = dict[str, Any]


class Window(ABC):
    """One person's window: nobody else's cookies and storage are in it. It is HEIGHT high and WIDTH wide at first.

    `problems`: what the page has said on the console that nobody should have to read.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    @abstractmethod
    async def go(self, url: str) -> None:
        """Returns when the page has loaded."""

    @abstractmethod
    async def reload(self) -> None:
        """As go."""

    @abstractmethod
    async def set_cookie(self, url: str, name: str, value: str) -> None:
        """For the host of this address."""

    @abstractmethod
    async def resize(self, width: int, height: int) -> None:
        """The page's own area, in CSS pixels."""

    @abstractmethod
    async def act(self, *sources: Action) -> None:
        """Input as in https://www.w3.org/TR/webdriver2/#actions. Returns when it has been given."""

    @abstractmethod
    async def _call(self, function: str, argument: str) -> str:
        """What the JavaScript function gives for a text, once its promise is kept: a text as well."""

    async def run(self, function: str, *arguments: object) -> Any:
        """What a JavaScript function gives, as JSON knows it, once its promise is kept."""
        wrapped = f"async (given) => JSON.stringify((await ({function})(...JSON.parse(given))) ?? null)"
        return json.loads(await self._call(wrapped, json.dumps(arguments)))

    async def until(self, function: str, *arguments: object) -> Any:
        """What it gives as soon as that is something."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (found := await self.run(function, *arguments)):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"never true: {function} {arguments}; {self.problems}") from None
        return found

    async def press(self, *names: str) -> None:
        """Keys that are held together, the last of them first let go."""
        keys = [KEYS.get(name, name) for name in names]
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        await self.act({"type": "key", "id": "keys", "actions": [*down, *up]})

    async def type(self, text: str) -> None:
        pairs = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self.act({"type": "key", "id": "keys", "actions": pairs})

    async def click(self, selector: str) -> None:
        """The last one that is visible, as soon as there is one."""
        x, y = await self.until(MIDDLE, selector)
        pointer = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self.act({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": pointer})

    async def point_at(self, selector: str) -> None:
        """As click, without the click."""
        x, y = await self.until(MIDDLE, selector)
        await self.act({"type": "pointer", "id": "mouse", "actions": [{"type": "pointerMove", "x": x, "y": y}]})

    async def wheel(self, x: int, y: int, distance: int) -> None:
        """Turned at this place. Pixels downward."""
        turn = {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": distance}
        await self.act({"type": "wheel", "id": "wheel", "actions": [turn]})


class Engine(Protocol):
    """A browser that runs."""

    def window(self) -> AbstractAsyncContextManager[Window]:
        """One at a time: WebKit's driver has a single session."""
