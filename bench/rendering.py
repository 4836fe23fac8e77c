"""python -m bench.rendering: what drawing a streamed answer costs the browser, beside the way of the tutorials.

Mixed markdown is streamed into the chat page, in Chromium, through the page's own renderer and pump and with its
styles; and, at the smaller size, drawn as tutorials do it: for each token the whole text is parsed, and set as
innerHTML. Time is what the main thread takes of the processor, layout and painting included: the clock's would be that
of the machine's other work, too. All in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import chromium
from tests.browser.tasks import traced
from tests.browser.visitor import Visitor
from tests.fake_openai.server import closed_port
from tests.faults.processes import Site
from tests.members import prepare
from tests.server.process import ROOT

ANSWERS: Final = ROOT / "tests" / "js" / "markdown" / "answers"
SCRIPT: Final = (Path(__file__).parent / "rendering.js").read_text("utf-8")
KILOBYTE: Final = 1_000
PATIENCE_MS: Final = 240_000
LONG_TASK_MS: Final = 50

MOST_GROWTH: Final = 1.3
LEAST_GAIN: Final = 20.0


@dataclass(frozen=True)
class Drawn:
    """One text, streamed to its end."""

    kilobytes: float
    seconds: float
    longest_task_ms: float

    @property
    def per_kilobyte(self) -> float:
        return self.seconds / self.kilobytes


@dataclass(frozen=True)
class Plan:
    small: int
    large: int
    rounds: int
    token_characters: int
    characters_per_second: int
    # Of the text, what is on the page in the end: markup is not.
    least_drawn: float = 0.5


def mixed(characters: int) -> str:
    """The answers of the tests, one after the other, again and again; no two of their sections are the same."""
    answers = [path.read_text("utf-8") for path in sorted(ANSWERS.glob("*.md"))]
    text = ""
    number = 0
    while len(text) < characters:
        text += f"## Part {number}\n\n{answers[number % len(answers)]}\n\n"
        number += 1
    return text[:characters]


async def draw(page: Page, text: str, way: str, plan: Plan) -> Drawn:
    options = {
        "text": text,
        "way": way,
        "tokenCharacters": plan.token_characters,
        "charactersPerSecond": plan.characters_per_second,
    }
    async with traced(page) as tasks:
        made = await page.evaluate(SCRIPT, options)
    assert made["characters"] >= len(text) * plan.least_drawn, "the text was not drawn"
    return Drawn(len(text) / KILOBYTE, made["seconds"], max(tasks) * 1_000)


async def open_page(browser: Browser, site: Site, *, with_policy: bool) -> Page:
    """The chat, at rest. Without its policy, innerHTML works."""
    visitor = await Visitor.arrive(browser, site.cast["alice"], site.url, bypass_csp=not with_policy)
    expect.set_options(timeout=PATIENCE_MS)
    tab = await visitor.open()
    session = await visitor.context.new_cdp_session(tab.page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def main_thread_seconds() -> float:
        metrics = await session.send("Performance.getMetrics")
        return float(next(metric["value"] for metric in metrics["metrics"] if metric["name"] == "TaskDuration"))

    await tab.page.expose_function("mainThreadSeconds", main_thread_seconds)
    await tab.page.evaluate(
        """() => {
          document.querySelector("#app").dataset.view = "conversation";
          document.querySelector("#transcript").hidden = false;
          document.querySelector("#welcome").hidden = true;
        }"""
    )
    return tab.page


async def measure(site: Site, plan: Plan) -> tuple[list[Drawn], list[Drawn], Drawn]:
    """Ours at both sizes, and theirs at the smaller."""
    small, large = mixed(plan.small), mixed(plan.large)
    async with chromium() as browser:
        page = await open_page(browser, site, with_policy=True)
        await draw(page, small, "ours", plan)  # Scripts are compiled, grammars loaded.
        smalls, larges = [], []
        for _ in range(plan.rounds):
            smalls.append(say("ours", await draw(page, small, "ours", plan)))
            larges.append(say("ours", await draw(page, large, "ours", plan)))
        await page.context.close()
        page = await open_page(browser, site, with_policy=False)
        theirs = say("theirs", await draw(page, small, "theirs", plan))
        await page.context.close()
    return smalls, larges, theirs


def say(name: str, drawn: Drawn) -> Drawn:
    print(
        f"{name:<7}{drawn.kilobytes:5.0f} KB: {drawn.seconds:7.2f} s, {1_000 * drawn.per_kilobyte:6.2f} ms/KB, "
        f"longest task {drawn.longest_task_ms:.0f} ms",
        file=sys.stderr,
        flush=True,
    )
    return drawn


def report(smalls: list[Drawn], larges: list[Drawn], theirs: Drawn) -> bool:
    """Prints the ratios; whether all are as promised."""
    small = statistics.median(drawn.seconds for drawn in smalls)
    growth = statistics.median(d.per_kilobyte for d in larges) / statistics.median(d.per_kilobyte for d in smalls)
    gain = theirs.seconds / small
    longest = max(drawn.longest_task_ms for drawn in (*smalls, *larges))
    sizes = f"{larges[0].kilobytes:.0f} KB", f"{smalls[0].kilobytes:.0f} KB"
    rows = (
        (f"time per KB at {sizes[0]} : at {sizes[1]}", f"{growth:.2f}", growth <= MOST_GROWTH, f"≤ {MOST_GROWTH}"),
        (f"the tutorials' way : ours, at {sizes[1]}", f"{gain:.0f}", gain >= LEAST_GAIN, f"≥ {LEAST_GAIN:.0f}"),
        ("longest task of ours", f"{longest:.0f} ms", longest <= LONG_TASK_MS, f"≤ {LONG_TASK_MS} ms"),
    )
    for name, value, holds, promise in rows:
        print(f"{name:<45} {value:>12}  {promise:<9} {'holds' if holds else 'DOES NOT HOLD'}")
    return all(holds for _, _, holds, _ in rows)


@contextmanager
def chat_site() -> Iterator[Site]:
    """A site in a folder of its own, whose model nobody asks for anything."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        nowhere = f"http://127.0.0.1:{closed_port()}/v1"
        site = Site(data_dir, prepare(data_dir), OPENAI_BASE_URL=nowhere, OPENAI_MODEL="none")
        try:
            site.start()
            yield site
        finally:
            site.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=20_000, help="characters")
    parser.add_argument("--large", type=int, default=200_000, help="characters")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--token", type=int, default=5, help="characters of a token")
    parser.add_argument("--rate", type=int, default=20_000, help="characters per second")
    arguments = parser.parse_args()
    plan = Plan(arguments.small, arguments.large, arguments.rounds, arguments.token, arguments.rate)
    with chat_site() as site:
        holds = report(*asyncio.run(measure(site, plan)))
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
