"""Special cases of the style sheets: print, right-to-left, forced colours and reduced motion."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import MARKDOWN, scripted
from tests.browser.visitor import Visitor

PAPER_AND_INK = """() => {
  const { backgroundColor, color } = getComputedStyle(document.documentElement);
  return [backgroundColor, color];
}"""
BARS = """() => [...document.querySelectorAll('meta[name="theme-color"]')]
  .filter(({ media }) => matchMedia(media).matches).map(({ content }) => content)"""
RIGHT_TO_LEFT = "() => { document.documentElement.dir = 'rtl'; }"
CUT = """() => [...document.querySelectorAll(".message__body, .code-block pre, .table-scroll")]
  .filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.className)"""


async def left_of(page: Page, selector: str) -> float:
    box = await page.locator(selector).bounding_box()
    assert box
    return box["x"]


async def test_print_shows_only_the_conversation(visitors: Visitors) -> None:
    tab = await (await visitors(color_scheme="dark")).open()
    await tab.ask(scripted(MARKDOWN, size=2000))
    await tab.page.emulate_media(media="print", color_scheme="dark")

    for hidden in ("#sidebar", "#composer", "#user-menu-button", ".code-copy >> nth=0", ".message__copy >> nth=0"):
        await expect(tab.page.locator(hidden)).to_be_hidden()
    await expect(tab.title).to_be_visible()
    await expect(tab.questions.first).to_be_visible()
    assert await tab.page.evaluate(PAPER_AND_INK) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    # All of it, not only what fits in the window.
    answer = await tab.body.bounding_box()
    height = await tab.page.evaluate("document.documentElement.scrollHeight")
    assert answer
    assert height >= answer["y"] + answer["height"]
    assert await tab.page.evaluate(CUT) == []


async def test_right_to_left_layout_is_mirrored(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    assert await left_of(tab.page, "#sidebar") == 0
    assert await left_of(tab.page, "#send") > await left_of(tab.page, "#assistant-picker")

    await tab.page.evaluate(RIGHT_TO_LEFT)

    assert await left_of(tab.page, "#sidebar") > await left_of(tab.page, "#main")
    assert await left_of(tab.page, "#send") < await left_of(tab.page, "#assistant-picker")


async def test_right_to_left_drawer_opens_from_the_right(visitors: Visitors) -> None:
    tab = await (await visitors(viewport={"width": 390, "height": 844}, reduced_motion="reduce")).open()
    await tab.page.evaluate(RIGHT_TO_LEFT)
    assert await left_of(tab.page, "#sidebar") >= 390

    await tab.page.locator("#open-sidebar").click()
    panel = tab.page.locator("#sidebar .sidebar__panel")
    await expect(panel).to_be_in_viewport(ratio=1)
    box = await panel.bounding_box()
    assert box
    assert box["x"] + box["width"] == 390


async def test_each_block_has_the_direction_of_its_own_text(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask(scripted("Hello there.\n\nשלום עולם\n\n```\nx = 1\n```", size=500))

    directions = await tab.body.evaluate(
        "(body) => [...body.querySelectorAll('p, pre')].map((block) => getComputedStyle(block).direction)"
    )
    assert directions == ["ltr", "rtl", "ltr"]


async def test_a_theme_applies_immediately_and_before_first_paint(visitors: Visitors) -> None:
    visitor = await visitors(color_scheme="light")
    visitor.watch.allow(r"/theme")
    tab = await visitor.open()
    assert await tab.page.evaluate(BARS) == ["#fcfbf9"]

    await tab.page.locator("#user-menu-button").click()
    async with tab.page.expect_response("**/theme"):
        await tab.page.get_by_role("radio", name="Dark").check()
    assert await tab.page.evaluate(BARS) == ["#1a1917"]
    dark = await tab.page.evaluate(PAPER_AND_INK)

    response = await tab.page.reload()
    assert response
    assert 'data-theme="dark"' in await response.text()
    assert await tab.page.evaluate(PAPER_AND_INK) == dark
    assert await tab.page.evaluate(BARS) == ["#1a1917"]


async def test_the_language_is_chosen_in_the_menu(visitor: Visitor) -> None:
    visitor.watch.allow(r"/language")
    tab = await visitor.open()
    await tab.page.locator("#user-menu-button").click()
    await tab.page.get_by_role("button", name="Deutsch").click()
    await tab.loaded()

    await expect(tab.page.locator("html")).to_have_attribute("lang", "de")
    await expect(tab.page.locator(".skip-link")).to_have_text("Zum Nachrichtenfeld springen")


async def test_reduced_motion_disables_animations(visitors: Visitors) -> None:
    tab = await (await visitors(reduced_motion="reduce")).open()
    await tab.ask("Hello")
    moving = await tab.page.evaluate("""() => document.getAnimations().map(({ effect }) => effect.target.className)""")
    assert moving == []


async def test_forced_colours_keep_selection_and_buttons_visible(visitors: Visitors) -> None:
    tab = await (await visitors(forced_colors="active")).open()
    await tab.ask("Hello")
    lines = await tab.page.evaluate(
        """() => Object.fromEntries(["#send", ".conversation[data-current]", '[data-role="user"] .message__body']
          .map((selector) => [selector, getComputedStyle(document.querySelector(selector))])
          .map(([selector, style]) => [selector, style.borderStyle !== "none" || style.outlineStyle !== "none"]))"""
    )
    assert all(lines.values()), lines


async def test_print_has_no_blank_space_and_no_image_addresses(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask(scripted("![a heron](https://example.org/a/long/way/to/heron.png)\n\nThe end.", size=200))
    await tab.page.emulate_media(media="print")

    end = await tab.body.locator("p").last.bounding_box()
    image = await tab.body.locator(".image-placeholder").bounding_box()
    height = await tab.page.evaluate("document.querySelector('#main').scrollHeight")
    assert end
    assert image
    assert height < end["y"] + end["height"] + 100
    assert image["height"] < 100
    await expect(tab.body.locator(".image-placeholder")).to_contain_text("a heron")
    await expect(tab.body.get_by_text("a heron")).to_be_visible()


WIDE = (
    "| "
    + " | ".join(f"Column number {n}" for n in range(14))
    + " |\n"
    + "|---" * 14
    + "|\n"
    + ("| " + " | ".join(f"some words of cell {n}" for n in range(14)) + " |\n")
)
BEYOND = """() => {
  const paper = document.documentElement.clientWidth;
  return [...document.querySelectorAll("td, th")].filter((cell) => cell.getBoundingClientRect().right > paper).length;
}"""


async def test_print_does_not_cut_off_a_wide_table(visitors: Visitors) -> None:
    tab = await (await visitors(viewport={"width": 700, "height": 900})).open()
    await tab.ask(scripted(WIDE, size=2000))
    assert await tab.page.evaluate(BEYOND) > 0
    await tab.page.emulate_media(media="print")
    assert await tab.page.evaluate(BEYOND) == 0


FORMULAS = (
    "$$\n" + " + ".join(f"a_{{{n}}} x^{{{n}}}" for n in range(20)) + "\n$$\n\n"
    "$$\nE = m c^2\n$$\n\n"
    "- so $" + " + ".join(f"b_{{{n}}}" for n in range(40)) + "$ it is\n"
)
# An A4 page without its margins.
PAPER = {"width": 643, "height": 900}
CUT_FORMULAS = """() => [...document.querySelectorAll(".math")]
  .map((formula) => formula.scrollWidth - formula.clientWidth).filter((beyond) => beyond > 1)"""


async def test_print_does_not_cut_off_a_wide_formula(visitors: Visitors) -> None:
    tab = await (await visitors(viewport=PAPER)).open()
    await tab.ask(scripted(FORMULAS, size=2000))
    await expect(tab.body.locator("math")).to_have_count(3)
    await tab.page.evaluate("() => document.fonts.ready.then(() => {})")
    assert len(await tab.page.evaluate(CUT_FORMULAS)) == 2
    await tab.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    await tab.page.emulate_media(media="print")
    assert await tab.page.evaluate(CUT_FORMULAS) == []
    await expect(tab.body.locator("math[data-fit]")).to_have_count(2)


async def test_print_shows_long_questions_and_titles_in_full(visitors: Visitors) -> None:
    tab = await (await visitors(viewport=PAPER)).open()
    await tab.ask("A long question, word for word. " * 300)
    lost = """() => [".message__body", "#conversation-title"].map((name) => document.querySelector(name))
      .filter((each) => each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1
        || getComputedStyle(each).maskImage !== "none").map((each) => each.className)"""
    assert await tab.page.evaluate(lost) != []
    await tab.page.emulate_media(media="print")
    assert await tab.page.evaluate(lost) == []


async def test_the_page_is_as_high_as_the_screen(visitors: Visitors) -> None:
    """One pixel more, and a second scroll bar would appear where scroll bars take up space."""
    height = "() => [document.documentElement.scrollHeight, innerHeight]"
    tab = await (await visitors(viewport={"width": 1000, "height": 800})).open()
    assert await tab.page.evaluate(height) == [800, 800]
    await tab.ask("Hello")
    assert await tab.page.evaluate(height) == [800, 800]


async def test_the_first_question_is_at_the_top_of_the_transcript(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    place = """(scroller) => {
      const [question, screen] = [document.querySelector("chat-message"), scroller]
        .map((each) => each.getBoundingClientRect());
      return [scroller.scrollTop, scroller.scrollHeight - scroller.clientHeight, question.top - screen.top];
    }"""
    assert await tab.scroller.evaluate(place) == [0, 0, 12]


async def test_jump_to_latest_is_a_round_button(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("/numbered count=900")
    button = tab.page.get_by_role("button", name="Jump to latest")
    await expect(button).to_be_visible()
    box = await button.bounding_box()
    assert box
    assert box["width"] == box["height"] >= 40


async def test_on_touch_a_link_shows_its_host_on_demand(visitors: Visitors) -> None:
    tab = await (await visitors(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)).open()
    await tab.ask(scripted("See [the manual](https://example.org/manual).", size=500))
    shown = "(link) => getComputedStyle(link, '::after').content.includes('example.org')"
    link = tab.body.locator("a[data-host]")
    assert await link.evaluate(shown) is False
    await link.focus()
    assert await link.evaluate(shown) is True
