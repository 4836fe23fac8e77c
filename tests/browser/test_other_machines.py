"""What depends on the machine: scroll bars that take up space, and fonts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import chromium
from tests.browser.conftest import PATIENCE_MS
from tests.browser.long_conversation import write
from tests.browser.samples import scripted
from tests.browser.visitor import Visitor
from tests.faults.processes import Site
from tests.members import Member

pytestmark = pytest.mark.usefixtures("patience")

SIZES: Final = ((1280, 720), (1000, 801), (820, 1180), (390, 844), (844, 390), (320, 480), (320, 256))
# By how much the page is larger than the window, and how much space its scroll bars take.
ROOM: Final = """() => {
  const { scrollWidth, scrollHeight, clientWidth, clientHeight } = document.documentElement;
  return [scrollWidth - innerWidth, scrollHeight - innerHeight, innerWidth - clientWidth, innerHeight - clientHeight];
}"""
FONTS: Final = """
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""
NAME: Final = """() => {
  const parts = [...document.querySelectorAll("math :is(mi, mn)")];
  for (const [id, text] of [["digit", "30"], ["name", "sin"]]) parts.find((part) => part.textContent === text).id = id;
  parts[0].id = "letter";
}"""
LIBERATION: Final = Path("/usr/share/fonts/truetype/liberation")


@pytest.fixture
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


async def test_the_page_itself_has_no_scroll_bar_at_any_size(site: Site, guests: Iterator[Member]) -> None:
    person = next(guests)
    conversation = write(site.data_dir, person.id, 30)
    async with chromium(ignore_default_args=["--hide-scrollbars"]) as browser:
        visitor = await Visitor.arrive(browser, person, site.url)
        found = {}
        for path in ("/", f"/c/{conversation}"):
            tab = await visitor.open(path)
            for width, height in SIZES:
                await tab.page.set_viewport_size({"width": width, "height": height})
                found[path, width, height] = await tab.page.evaluate(ROOM)
        await visitor.leave()
    assert {key: room for key, room in found.items() if room != [0, 0, 0, 0]} == {}


@pytest.mark.skipif(not LIBERATION.is_dir(), reason="needs fonts without one for formulas: fonts-liberation")
async def test_formulas_use_our_font_if_none_is_installed(
    site: Site, guests: Iterator[Member], tmp_path: Path
) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text(FONTS.format(fonts=LIBERATION, cache=tmp_path / "cache").strip())
    async with chromium(env={"FONTCONFIG_FILE": str(config)}) as browser:
        visitor = await Visitor.arrive(browser, next(guests), site.url)
        tab = await visitor.open()
        await tab.ask(scripted(r"So $x = 2\sin 30$ it is.", size=200))
        await expect(tab.body.locator("math")).to_be_visible()
        await tab.page.evaluate("() => document.fonts.ready.then(() => {})")
        await tab.page.evaluate(NAME)
        letter, digit, name = [await font_of(tab.page, f"#{each}") for each in ("letter", "digit", "name")]
        await visitor.leave()
    assert {letter, digit, name} == {"Noto Sans Math"}


async def font_of(page: Page, selector: str) -> str:
    """The font that the browser uses for the element."""
    client = await page.context.new_cdp_session(page)
    await client.send("DOM.enable")
    await client.send("CSS.enable")
    document = await client.send("DOM.getDocument")
    node = await client.send("DOM.querySelector", {"nodeId": document["root"]["nodeId"], "selector": selector})
    [font] = (await client.send("CSS.getPlatformFontsForNode", node))["fonts"]
    return str(font["familyName"])
