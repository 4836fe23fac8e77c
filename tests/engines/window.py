"""What the journeys do in any browser. Each engine implements it: see firefox.py and webkit.py."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

# A busy machine loads pages slowly, and a shorter limit would not find more failures.
PATIENCE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.03
WIDTH: Final = 1280
HEIGHT: Final = 800
# WebDriver's private-use characters for keys that type no text.
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

# The middle of an element, in viewport coordinates. Scrolls only if necessary.
MIDDLE: Final = """(selector) => {
  const element = [...document.querySelectorAll(selector)].findLast((each) => each.checkVisibility());
  if (!element) return null;
  element.scrollIntoView({ block: "nearest", behavior: "instant" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return [Math.round(x + width / 2), Math.round(y + height / 2)];
}"""

Action = dict[str, Any]


class Window(ABC):
    """One user's window, with its own cookies and storage. Initially HEIGHT high and WIDTH wide.

    `problems`: errors and warnings that the page has written to the console.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    @abstractmethod
    async def go(self, url: str) -> None:
        """Returns when the page has loaded."""

    @abstractmethod
    async def reload(self) -> None:
        """Returns when the page has loaded."""

    @abstractmethod
    async def set_cookie(self, url: str, name: str, value: str) -> None:
        """Sets a cookie for the host of this URL."""

    @abstractmethod
    async def resize(self, width: int, height: int) -> None:
        """Sets the size of the viewport, in CSS pixels."""

    @abstractmethod
    async def act(self, *sources: Action) -> None:
        """Performs actions as in https://www.w3.org/TR/webdriver2/#actions. Returns when they are done."""

    @abstractmethod
    async def _call(self, function: str, argument: str) -> str:
        """Calls a JavaScript function with a string, awaits its promise and returns the result, also a string."""

    async def run(self, function: str, *arguments: object) -> Any:
        """Calls a JavaScript function, awaits its promise and returns the result as JSON data."""
        wrapped = f"async (given) => JSON.stringify((await ({function})(...JSON.parse(given))) ?? null)"
        return json.loads(await self._call(wrapped, json.dumps(arguments)))

    async def until(self, function: str, *arguments: object) -> Any:
        """Calls the function until its result is truthy, and returns that."""
        found = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (found := await self.run(function, *arguments)):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"never true: {function} {arguments}; {self.problems}") from None
        return found

    async def press(self, *names: str) -> None:
        """Holds the keys down together and releases them in reverse order."""
        keys = [KEYS.get(name, name) for name in names]
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        await self.act({"type": "key", "id": "keys", "actions": [*down, *up]})

    async def type(self, text: str) -> None:
        pairs = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self.act({"type": "key", "id": "keys", "actions": pairs})

    async def click(self, selector: str) -> None:
        """Clicks the last visible match, as soon as there is one."""
        x, y = await self.until(MIDDLE, selector)
        pointer = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self.act({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": pointer})

    async def point_at(self, selector: str) -> None:
        """Like click, but only moves the pointer."""
        x, y = await self.until(MIDDLE, selector)
        await self.act({"type": "pointer", "id": "mouse", "actions": [{"type": "pointerMove", "x": x, "y": y}]})

    async def wheel(self, x: int, y: int, distance: int) -> None:
        """Turns the wheel at this point. `distance`: pixels downward."""
        turn = {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": distance}
        await self.act({"type": "wheel", "id": "wheel", "actions": [turn]})


class Engine(Protocol):
    """A running browser."""

    def window(self) -> AbstractAsyncContextManager[Window]:
        """One at a time: WebKit's driver has a single session."""
