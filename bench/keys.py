"""python -m bench.keys: what a key costs in the boxes for text, with little and with much text in it.

One run in Chromium on a site of its own. For each text, typed at its end and at its beginning: the time from a key to
the paint after it, and the work of the main thread for it, of its script and its layout, as Chromium counts them.
Beside it the same in a page with nothing but a text box of that size: what the browser itself takes.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import CDPSession, Page

from tests.browser.chromium import chromium
from tests.browser.long_conversation import write
from tests.browser.visitor import Visitor
from tests.fake_openai.server import closed_port
from tests.faults.processes import Site
from tests.members import prepare

KEYS: Final = 25
EDITOR: Final = ".editor textarea"
ALLOWED_MS: Final = 16.0
SENTENCE: Final = "A heron stands still for minutes, and strikes within a twentieth of a second. "
LINES: Final = "def strike(prey): return prey\n"
TEXTS: Final = {
    "empty": "",
    "5,000 characters of prose": (SENTENCE * 8 + "\n\n") * 8,
    "100,000 in short lines": LINES * (99_000 // len(LINES)),
    "100,000 in paragraphs": (SENTENCE * 8 + "\n\n") * 157,
    "100,000 in one line": SENTENCE * (99_000 // len(SENTENCE)),
}
BARE: Final = """() => {
  document.body.replaceChildren();
  const box = document.createElement("textarea");
  box.id = "bare";
  box.rows = 12;
  box.cols = 80;
  document.body.append(box);
}"""
FILL: Final = """([selector, text, end]) => {
  const box = document.querySelector(selector);
  box.focus();
  box.value = text;
  box.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
  const at = end ? text.length : 0;
  box.setSelectionRange(at, at);
}"""
WATCH: Final = """() => {
  window.times = [];
  addEventListener("keydown", (event) => {
    const { timeStamp } = event;
    requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - timeStamp)));
  }, { capture: true });
}"""
TYPED: Final = "(count) => window.times.length >= count"
IDLE: Final = "() => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 3000 }))"
METRICS: Final = {"work": "TaskDuration", "script": "ScriptDuration", "layout": "LayoutDuration"}


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one key: `painted` is the median, `worst` the longest, the others are means."""

    painted: float
    worst: float
    work: float
    script: float
    layout: float

    def __str__(self) -> str:
        return (
            f"painted after {self.painted:5.1f} ms (worst {self.worst:5.1f}); "
            f"work {self.work:5.1f} ms, of it script {self.script:4.1f}, layout {self.layout:4.1f}"
        )


async def metrics(session: CDPSession) -> dict[str, float]:
    found = {each["name"]: each["value"] for each in (await session.send("Performance.getMetrics"))["metrics"]}
    return {name: found[wanted] * 1000 for name, wanted in METRICS.items()}


async def cost(page: Page, session: CDPSession, box: str, text: str, *, end: bool) -> Cost:
    await page.evaluate(FILL, [box, text, end])
    for _ in range(3):
        await page.keyboard.press("a")  # The first layout of so much text is not that of a key.
    await page.evaluate(IDLE)
    await page.evaluate("() => { window.times = []; }")
    before = await metrics(session)
    for number in range(KEYS):
        await page.keyboard.press("a")
        await page.wait_for_function(TYPED, arg=number + 1)
    after = await metrics(session)
    times: list[float] = await page.evaluate("window.times")
    each = {name: (after[name] - before[name]) / KEYS for name in METRICS}
    return Cost(painted=statistics.median(times), worst=max(times), **each)


async def table(page: Page, session: CDPSession, box: str) -> dict[str, Cost]:
    return {
        f"{name}, at its {'end' if end else 'beginning'}": await cost(page, session, box, text, end=end)
        for name, text in TEXTS.items()
        for end in (True, False)
    }


async def run(site: Site) -> int:
    alice = site.cast["alice"]
    conversation = write(site.data_dir, alice.id, 2)
    async with chromium() as browser:
        visitor = await Visitor.arrive(browser, alice, site.url, viewport={"width": 1280, "height": 800})
        tab = await visitor.open(f"/c/{conversation}")
        page = tab.page
        session = await visitor.context.new_cdp_session(page)
        await session.send("Performance.enable")
        await page.evaluate(WATCH)
        found = {"message box": await table(page, session, "#composer-text")}
        await page.locator("[data-action=edit]").first.click()
        await page.locator(EDITOR).wait_for()
        found["editor"] = await table(page, session, EDITOR)
        await page.goto("about:blank")
        await page.evaluate(BARE)
        await page.evaluate(WATCH)
        bare = await table(page, session, "#bare")
        await visitor.context.close()
    return show(found, bare)


def show(found: dict[str, dict[str, Cost]], bare: dict[str, Cost]) -> int:
    slow = []
    for text, least in bare.items():
        sys.stdout.write(f"{text}\n  {'bare box':<12} {least}\n")
        for box, costs in found.items():
            sys.stdout.write(f"  {box:<12} {costs[text]}\n")
            if costs[text].painted > max(ALLOWED_MS, 1.5 * least.painted):
                slow.append(f"{box}, {text}")
    sys.stdout.write(f"over {ALLOWED_MS:.0f} ms and half as much again as the bare box: {'; '.join(slow) or 'none'}\n")
    return int(bool(slow))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        nowhere = f"http://127.0.0.1:{closed_port()}/v1"
        site = Site(Path(folder), prepare(Path(folder)), OPENAI_BASE_URL=nowhere)
        try:
            site.start()
            return asyncio.run(run(site))
        finally:
            site.stop()


if __name__ == "__main__":
    sys.exit(main())
