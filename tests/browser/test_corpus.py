"""Typical model output on a phone: all of it can be reached, and it is copied correctly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors

CORPUS: Final = Path(__file__).parents[1] / "js" / "markdown" / "corpus"
PHONE: Final = {"width": 390, "height": 844}

# Draws every text as an answer, including the parts that are loaded later.
DRAW: Final = """async (texts) => {
  const { renderMarkdown } = await import("/static/js/markdown/stream.js");
  const { loadDialect } = await import("/static/js/markdown/late_dialect.js");
  await loadDialect();
  const body = document.querySelector(".message__body.markdown");
  const drawn = texts.map((text) => {
    const element = body.parentElement.appendChild(body.cloneNode(false));
    renderMarkdown(element, text);
    return element;
  });
  globalThis.drawn = drawn;
  for (const fold of document.querySelectorAll("details")) fold.open = true;
}"""

# Texts that are cut off, or outside the page where scrolling does not reach them.
LOST: Final = """() => globalThis.drawn.flatMap((element, index) => {
  const lost = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    if (!node.data.trim() || node.parentElement.closest("[hidden], button, .code-header")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const { left, right, width } of range.getClientRects()) {
      if (width && !isReachable(node.parentElement, left, right)) lost.push(`${index}: ${node.data.trim()}`);
    }
  }
  return lost;

  function isReachable(from, left, right) {
    let [first, last] = [left, right];
    for (let parent = from; parent && parent !== document.body; parent = parent.parentElement) {
      const { overflowX } = getComputedStyle(parent);
      if (overflowX === "visible") continue;
      const box = parent.getBoundingClientRect();
      const isInside = first >= box.left - 2 && last <= box.right + 2;
      if (overflowX === "auto" || overflowX === "scroll") {
        if (!isInside && parent.scrollWidth <= parent.clientWidth) return false;
        [first, last] = [Math.max(first, box.left), Math.min(last, box.right)];
      } else if (!isInside) return false;
    }
    return first >= -2 && last <= innerWidth + 2;
  }
})"""

# What Ctrl+C would copy with the whole answer selected.
COPY: Final = """(element) => {
  getSelection().selectAllChildren(element);
  const clipboardData = new DataTransfer();
  element.dispatchEvent(new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true }));
  return [clipboardData.getData("text/plain"), clipboardData.getData("text/html")];
}"""


def documents() -> dict[str, str]:
    """The texts of the corpus by name."""
    found = {}
    for path in sorted(CORPUS.glob("*.md")):
        for part in re.split(r"^%% ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, _, text = part.partition("\n")
            found[f"{path.stem}: {name}"] = text
    return found


async def drawn(page: Page, texts: list[str]) -> None:
    await page.evaluate(DRAW, texts)
    await page.wait_for_function("() => document.querySelectorAll('.math > math').length > 20")
    await page.evaluate("() => document.fonts.ready.then(() => {})")


async def test_every_word_of_every_text_is_reachable_on_a_phone(visitors: Visitors) -> None:
    tab = await (await visitors(viewport=PHONE)).open()
    await tab.ask("Hello")
    texts = documents()
    await drawn(tab.page, list(texts.values()))

    lost: list[str] = await tab.page.evaluate(LOST)

    names = list(texts)
    assert not lost, json.dumps([f"{names[int(line.split(':')[0])]}: {line}" for line in lost], indent=1)
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


async def test_formulas_of_every_kind_are_drawn(visitors: Visitors) -> None:
    tab = await (await visitors()).open()
    await tab.ask("Hello")
    texts = {name: text for name, text in documents().items() if name.startswith("formulas:")}
    await drawn(tab.page, list(texts.values()))

    undrawn = "(formula) => formula.dataset.tex && !formula.querySelector('math') && formula.dataset.tex"
    chemistry = tab.page.locator(".math[data-tex*='ce{']:not(:has(math))")
    await expect(chemistry).to_have_count(0)
    found: list[Any] = await tab.page.evaluate(f"() => [...document.querySelectorAll('.math')].map({undrawn})")
    assert not list(filter(None, found))


async def test_a_copied_selection_has_no_styles(visitors: Visitors) -> None:
    tab = await (await visitors(color_scheme="dark")).open()
    await tab.ask("Hello")
    await tab.page.mouse.move(5, 5)
    await tab.has_loaded("copy_selection")
    await tab.page.evaluate(DRAW, ["Run:\n\n```bash\nls\n```\n\nand $x^2$.\n"])
    answer = tab.page.locator(".message__body.markdown").last
    await expect(answer.locator("math")).to_have_count(1)

    text, html = await answer.evaluate(COPY)

    assert text == "Run:\n\nls\n\nand $x^2$."
    assert "<pre>ls\n</pre>" in html
    assert not re.search(r"style|class|color|Copy|Wrap|bash", html)


async def test_pasting_an_image_says_that_files_cannot_be_attached(visitors: Visitors) -> None:
    tab = await (await visitors()).open()
    await tab.page.mouse.move(5, 5)
    await tab.has_loaded("no_files")

    for event in ("paste", "drop"):
        await tab.page.locator("#composer-text").evaluate(
            """(box, name) => {
              const data = new DataTransfer();
              data.items.add(new File(["x"], "x.png", { type: "image/png" }));
              const init = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
              const event = name === "paste" ? new ClipboardEvent(name, init) : new DragEvent(name, init);
              if (box.dispatchEvent(event)) throw new Error("the browser would have taken it");
            }""",
            event,
        )
        await expect(tab.page.locator("#composer-hint")).to_have_text("Files cannot be attached yet.")
        await tab.page.locator("#composer-text").press_sequentially("a")
        await expect(tab.page.locator("#composer-hint")).to_have_text("")
