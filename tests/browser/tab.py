"""A tab with the chat: what a user sees and does."""

from __future__ import annotations

import re
from typing import Final

from playwright.async_api import Locator, Page, expect

from tests.browser.watch import UUID

ADDRESS: Final = re.compile(rf"/c/({UUID})$")

HAS_COME: Final = """(end) => performance.getEntriesByType("resource").some(({ name }) => name.endsWith(end))"""
# Importing a module again waits until the page's own import of it has finished.
IMPORT: Final = """async (end) => {
  const { name } = performance.getEntriesByType("resource").find(({ name }) => name.endsWith(end));
  await import(name);
}"""

# As if the pointer were over it, so that it does not disappear.
HOLD_TOAST: Final = """() => {
  const toast = document.querySelector("#toast");
  new MutationObserver(() => toast.dispatchEvent(new Event("pointerenter"))).observe(toast, { attributes: true });
}"""

# A slice schedules the next with a timeout that fires before this one: no change means that no slice is left.
DRAWN: Final = """(body) => new Promise((resolve) => {
  const look = (before, unchanged) => {
    const now = body.textContent.length;
    if (now === before && unchanged === 3) resolve();
    else setTimeout(look, 0, now, now === before ? unchanged + 1 : 0);
  };
  look(-1, 0);
})"""


class Tab:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.locator("#composer-text")
        self.hint = page.locator("#composer-hint")
        self.assistant = page.locator("#assistant-picker [data-part=name]")
        self.send_button = page.locator("#send")
        self.stop_button = page.locator("#stop")
        self.questions = page.locator('.message[data-role="user"] .message__body')
        self.answers = page.locator('.message[data-role="assistant"]')
        self.answer = self.answers.last
        self.body = self.answer.locator(".message__body")
        self.failure = page.locator(".failure:visible")
        self.notice = page.locator("#connection-notice .notice")
        self.toast = page.locator("#toast")
        self.title = page.locator("#conversation-title")
        self.rows = page.locator("#conversations .conversation")
        self.titles = self.rows.locator(".conversation__title")
        self.scroller = page.locator("#transcript-scroller")

    async def go(self, path: str) -> None:
        await self.page.goto(path)
        await self.loaded()

    async def reload(self) -> None:
        await self.page.reload()
        await self.loaded()

    async def loaded(self) -> None:
        """The page's scripts have run, and the conversation's messages are loaded."""
        await expect(self.page.locator("#app")).to_have_attribute("data-view", re.compile("empty|conversation"))
        await expect(self.page.locator("#messages")).not_to_have_attribute("aria-busy", "true")
        await expect(self.page.locator("#conversations")).to_have_attribute("aria-busy", "false")

    async def has_loaded(self, module: str) -> None:
        """Waits until the page has loaded a rarely needed module by itself, and the module can be used."""
        # The page must see a sign of a user.
        await self.page.keyboard.press("Shift")
        await self.page.wait_for_function(HAS_COME, arg=f"/{module}.js")
        await self.page.evaluate(IMPORT, f"/{module}.js")

    async def send(self, text: str) -> None:
        """With the keys that send on every device: Enter alone starts a new line on a phone."""
        await self.box.fill(text)
        await self.box.press("Control+Enter")

    async def ask(self, text: str) -> str:
        """Completes a turn. Returns the text of the answer as shown on the screen."""
        before = await self.answers.count()
        await self.send(text)
        await expect(self.answers).to_have_count(before + 1)
        await self.ended()
        return await self.text()

    async def answering(self) -> None:
        """The start of an answer is shown, and more is to come."""
        await expect(self.answer).to_have_attribute("data-state", "streaming")
        await expect(self.body).to_contain_text(re.compile(r"\S"))

    async def ended(self, state: str = "completed") -> None:
        await expect(self.answer).to_have_attribute("data-state", state)

    async def text(self) -> str:
        """The text of the answer once all of it is drawn: the end of a long one is drawn in slices."""
        await self.body.evaluate(DRAWN)
        return await self.body.inner_text()

    async def text_beyond(self, length: int) -> str:
        """The text of the answer as soon as it is longer than `length`."""
        handle = await self.page.wait_for_function(
            """([length]) => {
                const bodies = document.querySelectorAll('.message[data-role="assistant"] .message__body');
                const text = bodies[bodies.length - 1]?.innerText ?? "";
                return text.length > length && text;
            }""",
            arg=[length],
        )
        return str(await handle.json_value())

    async def conversation_id(self) -> str:
        """The id in the URL, once there is one."""
        await expect(self.page).to_have_url(ADDRESS)
        found = ADDRESS.search(self.page.url)
        assert found
        return found[1]

    def row(self, conversation_id: str) -> Locator:
        """The conversation's row in the sidebar."""
        return self.page.locator(f'.conversation[data-conversation-id="{conversation_id}"]')

    async def press_row(self, conversation_id: str, action: str) -> None:
        """Uses the row's menu, whose button is shown while the pointer is over the row."""
        row = self.row(conversation_id)
        await row.hover()
        await row.locator("[data-action=menu]").click()
        await self.page.locator(f"#conversation-menu [data-action={action}]").click()

    async def hold_toast(self) -> None:
        """From now on, toasts and their Undo buttons do not disappear by themselves."""
        await self.page.evaluate(HOLD_TOAST)

    async def numbers(self, count: int) -> None:
        """Exactly this many pieces of a numbered answer are shown."""
        await expect(self.body).to_have_text(re.compile(rf":{count:06}\s*$"))

    async def choose_assistant(self, slug: str) -> None:
        await self.page.locator("#assistant-picker button").click()
        await self.page.locator(f"#assistant-{slug}").click()
