"""A user of the chat page: what they see and do."""

from __future__ import annotations

import re
from typing import Any, Final

from tests.engines.window import Window
from tests.members import Member

# The page's scripts have run, and the conversation's messages are loaded.
LOADED: Final = """() => {
  const busy = (id) => document.querySelector(id)?.getAttribute("aria-busy") === "true";
  return /empty|conversation/.test(document.querySelector("#app")?.dataset.view)
    && !busy("#messages") && document.querySelector("#conversations")?.getAttribute("aria-busy") === "false";
}"""
STATE: Final = """() => [...document.querySelectorAll('.message[data-role="assistant"]')].at(-1)?.dataset.state"""
BODY: Final = (
    """() =>
  [...document.querySelectorAll('.message[data-role="assistant"] .message__body')].at(-1)?.innerText ?? """
    + '""'
)
BOX: Final = 'document.querySelector("#composer-text")'
CLICKS: Final = 3
QUESTIONS: Final = """() => [...document.querySelectorAll('.message[data-role="user"] .message__body')]
  .map((body) => body.innerText.trim())"""
SHOWN: Final = """(selector) => [...document.querySelectorAll(selector)].some((each) => each.checkVisibility())"""
# Runs in the page before the test uses it: reports what the Content Security Policy blocks.
WATCH_POLICY: Final = """() => document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`))"""


class Reader:
    def __init__(self, window: Window, url: str, person: Member) -> None:
        self.window = window
        self.url = url
        self.person = person
        self._expected: list[str] = []

    @property
    def problems(self) -> list[str]:
        return [
            problem
            for problem in self.window.problems
            if not any(re.search(pattern, problem) for pattern in self._expected)
        ]

    def expect(self, *patterns: str) -> None:
        """Problems that match these patterns are part of the journey."""
        self._expected += patterns

    async def sign_in(self) -> None:
        await self.window.set_cookie(self.url, "sessionid", self.person.session)

    async def open(self, path: str = "/") -> None:
        await self.window.go(self.url + path)
        await self.loaded()

    async def reload(self) -> None:
        await self.window.reload()
        await self.loaded()

    async def loaded(self) -> None:
        await self.window.until(LOADED)
        await self.window.run(WATCH_POLICY)

    async def send(self, text: str) -> None:
        await self._focus_box()
        await self.window.type(text)
        await self.window.until(f"(text) => {BOX}.value.endsWith(text)", text)
        await self.window.press("Enter")

    async def _focus_box(self) -> None:
        """A click just after a resize may meet a frame that WebKit still draws for the width before: click again."""
        for _ in range(CLICKS):
            await self.window.click("#composer-text")
            if await self.window.run(f"() => document.activeElement === {BOX}"):
                return
        raise AssertionError("the message box does not take the focus")

    async def ask(self, text: str) -> str:
        """Completes a turn at the end of the conversation. Returns the text of the answer."""
        await self.send(text)
        await self.window.until(f"(text) => ({QUESTIONS})().at(-1) === text", text)
        await self.is_in_state("completed")
        return await self.text()

    async def is_in_state(self, state: str) -> None:
        await self.window.until(f"(state) => ({STATE})() === state", state)

    async def text(self) -> str:
        return str(await self.window.run(BODY))

    async def numbers(self, count: int) -> None:
        """Waits until exactly this many pieces of a numbered answer are shown."""
        await self.window.until(f"(end) => ({BODY})().trim().endsWith(end)", f":{count:06}")

    async def questions(self) -> Any:
        return await self.window.run(QUESTIONS)

    async def sees(self, selector: str) -> None:
        await self.window.until(SHOWN, selector)

    async def sees_no(self, selector: str) -> None:
        await self.window.until(f"(selector) => !({SHOWN})(selector)", selector)
