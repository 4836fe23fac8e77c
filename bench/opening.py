"""python -m bench.opening: how long a conversation of 5,000 messages takes to open, beside one of 50.

One run in Chromium on a site of its own: each in turn, from the click in the sidebar to the paint of its end.
Exits with 1 if the median of the long one is more than twice that of the short one.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from tests.browser.chromium import chromium
from tests.browser.long_conversation import write
from tests.browser.visitor import Visitor
from tests.fake_openai.server import closed_port
from tests.faults.processes import Site
from tests.members import prepare

SHORT: Final = 50
LONG: Final = 5_000
ROUNDS: Final = 15
ALLOWED: Final = 2.0
# Milliseconds from the click to the frame after the last question is in its place, and from there to an idle page.
OPEN: Final = """([id, last]) => new Promise((resolve) => {
  const scroller = document.querySelector("#transcript-scroller");
  const started = performance.now();
  document.querySelector(`[data-conversation-id="${id}"] [data-action=open]`).click();
  const look = () => {
    const questions = document.querySelectorAll('chat-message[data-role="user"] .message__body');
    const ready = questions[questions.length - 1]?.textContent === last && location.pathname.endsWith(id)
      && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
    if (ready) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started)));
    else requestAnimationFrame(look);
  };
  look();
})"""
IDLE: Final = "() => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 3000 }))"


async def measure(page: Page, conversations: dict[int, str]) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {count: [] for count in conversations}
    for number in range(ROUNDS + 1):
        for count, conversation_id in conversations.items():
            took = await page.evaluate(OPEN, [conversation_id, f"Question {count // 2 - 1}"])
            await page.evaluate(IDLE)
            # The first time, code is compiled.
            if number:
                times[count].append(took)
    return times


async def run(site: Site) -> int:
    alice = site.cast["alice"]
    conversations = {count: write(site.data_dir, alice.id, count) for count in (SHORT, LONG)}
    async with chromium() as browser:
        visitor = await Visitor.arrive(browser, alice, site.url, viewport={"width": 1280, "height": 800})
        tab = await visitor.open()
        times = await measure(tab.page, conversations)
        await visitor.leave()
    medians = {count: statistics.median(took) for count, took in times.items()}
    for count, took in times.items():
        sys.stdout.write(
            f"{count:>5} messages: median {medians[count]:.0f} ms, worst {max(took):.0f} ms, of {ROUNDS}\n"
        )
    ratio = medians[LONG] / medians[SHORT]
    sys.stdout.write(f"ratio {ratio:.2f}, allowed {ALLOWED}\n")
    return int(ratio > ALLOWED)


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
