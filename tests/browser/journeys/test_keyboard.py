"""Everything works without a mouse, and the focus is always visible."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors
from tests.browser.samples import ENDLESS
from tests.browser.watch import NOT_SAVED_YET

# Checks for an outline around the focused element or a box that contains it. After the last stop, the browser itself
# has the focus.
SEEN = """() => {
  const at = document.activeElement;
  if (at === document.body) return "";
  for (let element = at; element && element !== document.body; element = element.parentElement) {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    if (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) return "";
  }
  return at.id || at.outerHTML;
}"""
ATTEMPTS = 60


async def walk_to(page: Page, selector: str, *, key: str = "Tab") -> None:
    """Moves the focus with the Tab key only, and checks that each stop is visible."""
    target = page.locator(selector).first
    for _ in range(ATTEMPTS):
        await page.keyboard.press(key)
        assert await page.evaluate(SEEN) == ""
        if await target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


async def test_the_keyboard_is_enough(travellers: DeviceVisitors, album: Album, is_phone: bool) -> None:
    visitor = await travellers()
    visitor.watch.expect(NOT_SAVED_YET)
    visitor.watch.allow(r"/language")
    tab = await visitor.open()
    page, keys = tab.page, tab.page.keyboard

    await page.evaluate("document.activeElement.blur()")
    await walk_to(page, ".skip-link")
    await album.keep(page, "the skip link")
    await keys.press("Enter")
    await expect(tab.box).to_be_focused()
    await keys.type(ENDLESS)
    await keys.press("Control+Enter")
    await tab.answering()
    await keys.press("Escape")
    await tab.ended("stopped")
    conversation_id = await tab.conversation_id()

    await page.evaluate("document.activeElement.blur()")
    await keys.press("/")
    await expect(tab.box).to_be_focused()
    await keys.press("Control+Shift+O")
    await expect(page.locator("#welcome")).to_be_visible()
    if is_phone:
        await walk_to(page, "#open-sidebar", key="Shift+Tab")
        await keys.press("Enter")
        await expect(page.locator("#sidebar .sidebar__panel")).to_be_in_viewport(ratio=1)
    await walk_to(
        page, f'[data-conversation-id="{conversation_id}"] [data-action=open]', key="Tab" if is_phone else "Shift+Tab"
    )
    await album.keep(page, "a conversation in the list")
    await keys.press("Enter")
    await expect(tab.answers).to_have_count(1)

    if is_phone:
        await walk_to(page, "#open-sidebar", key="Shift+Tab")
        await keys.press("Enter")
    await walk_to(page, "#user-menu-button", key="Tab" if is_phone else "Shift+Tab")
    await keys.press("Enter")
    await walk_to(page, "#user-menu input:checked")
    async with page.expect_response("**/theme"):
        await keys.press("ArrowRight")
    await album.keep(page, "the menu")
    await keys.press("Escape")
    await expect(page.locator("#user-menu")).to_be_hidden()
    await expect(page.locator("#user-menu-button")).to_be_focused()
