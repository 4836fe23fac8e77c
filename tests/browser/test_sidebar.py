"""The sidebar can be hidden, and the top bar has the menu of the open conversation."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.samples import scripted
from tests.browser.visitor import Visitor

MENU = "#conversation-menu"
TABLE = "|" + " a column |" * 12 + "\n|" + "---|" * 12 + "\n|" + " some words |" * 12 + "\n"
CODE = f"```\n{'x = 1; ' * 60}\n```"
FORMULA = f"$$\n{' + '.join(f'a_{{{n}}}' for n in range(80))}\n$$"
# It scrolls, and both edges have a shadow, which its background covers where there is nothing more.
SHADOWS = """(name) => {
  const element = document.querySelector(`.message__body ${name}`);
  if (!element) return false;
  const { backgroundImage, backgroundAttachment } = getComputedStyle(element);
  const gradients = backgroundImage.split("linear-gradient").length - 1;
  return element.scrollWidth > element.clientWidth
    && gradients === 4 && backgroundAttachment === "local, local, scroll, scroll";
}"""
IS_ON_ITS_GROUND = """() => {
  const code = document.querySelector(".message__body .code-content");
  const { backgroundColor } = getComputedStyle(code.closest(".code-block"));
  return getComputedStyle(code).backgroundImage.includes(backgroundColor);
}"""


async def test_a_collapsed_sidebar_stays_collapsed_until_it_is_reopened(visitor: Visitor) -> None:
    tab = await visitor.open()
    sidebar, opens, closes = (tab.page.locator(each) for each in ("#sidebar", "#open-sidebar", ".sidebar__close"))
    await expect(opens).to_be_hidden()
    wide = await tab.page.locator("#main").bounding_box()

    await closes.click()

    await expect(sidebar).to_be_hidden()
    await expect(opens).to_be_focused()
    wider = await tab.page.locator("#main").bounding_box()
    assert wide
    assert wider
    assert wider["width"] > wide["width"] + 200
    await tab.reload()
    await expect(sidebar).to_be_hidden()
    await expect(tab.page.locator(".topbar__new")).to_be_visible()
    await tab.ask("Hello")
    await expect(sidebar).to_be_hidden()

    await opens.click()

    await expect(sidebar).to_be_visible()
    await expect(closes).to_be_focused()
    await expect(opens).to_be_hidden()
    await tab.reload()
    await expect(sidebar).to_be_visible()


async def test_renaming_from_the_menu_reopens_the_sidebar(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    await tab.page.locator(".sidebar__close").click()
    await tab.page.locator("#conversation-more").click()
    await tab.page.locator(f"{MENU} [data-action=rename]").click()
    await expect(tab.page.locator(".conversation__rename input")).to_be_focused()
    await tab.page.keyboard.type("Another title")
    await tab.page.keyboard.press("Enter")
    await expect(tab.title).to_have_text("Another title")


async def test_the_top_bar_has_the_menu_of_the_open_conversation(visitor: Visitor) -> None:
    tab = await visitor.open()
    more = tab.page.locator("#conversation-more")
    await expect(more).to_be_hidden()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await more.click()
    await tab.page.locator(f"{MENU} [data-action=pin]").click()
    await expect(tab.page.locator("#conversations h2").first).to_have_text("Pinned")

    await more.click()
    await expect(tab.page.locator(f"{MENU} [data-part=pin]")).to_have_text("Unpin")
    await tab.page.locator(f"{MENU} [data-action=delete]").click()
    await expect(tab.page.locator("#welcome")).to_be_visible()
    await expect(tab.row(conversation_id)).to_have_count(0)
    await expect(more).to_be_hidden()


async def test_on_a_phone_the_menu_opens_over_the_conversation_and_renames_in_the_drawer(visitors: Visitors) -> None:
    tab = await (await visitors(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)).open()
    await tab.ask("Hello")
    await tab.page.locator("#conversation-more").tap()
    menu = tab.page.locator(MENU)
    await expect(menu).to_be_in_viewport(ratio=1)
    await menu.locator("[data-action=rename]").tap()
    await expect(tab.page.locator(".conversation__rename input")).to_be_focused()


async def test_horizontally_scrolling_blocks_show_shadows(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask(scripted(f"{TABLE}\n\n{CODE}\n\n{FORMULA}\n", size=3000))
    for name in (".table-scroll", ".code-content", ".math-display"):
        await tab.page.wait_for_function(SHADOWS, arg=name)
    # The cover over the shadow has the colour of the background.
    assert await tab.page.evaluate(IS_ON_ITS_GROUND)
