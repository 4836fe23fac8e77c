"""python -m bench.pathological: how long texts that are made to hold up a renderer hold up the page.

Each text of tests/js/markdown/pathological.js, or those named with --only, is drawn into the chat page, in Chromium:
streamed through the page's renderer and pump, and as a message that is complete. What counts is the longest task of
the main thread, in time that it took of the processor, layout included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from typing import Final

from bench.rendering import Drawn, Plan, chat_site, draw, open_page
from tests.browser.chromium import chromium
from tests.faults.processes import Site
from tests.server.process import ROOT

LONGEST_TASK_MS: Final = 200
WAYS: Final = {"streamed": "ours", "complete": "saved"}
TEXTS: Final = """
import { PATHOLOGICAL } from "./tests/js/markdown/pathological.js";
const texts = Object.entries(PATHOLOGICAL).map(([name, make]) => [name, make(Number(process.argv[1]))]);
process.stdout.write(JSON.stringify(Object.fromEntries(texts)));
"""


def texts(characters: int) -> dict[str, str]:
    """Each of about that length, by its kind."""
    command = ["node", "--input-type=module", "--eval", TEXTS, str(characters)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(made.stdout)
    return found


def chosen(made: dict[str, str], words: list[str]) -> dict[str, str]:
    """Those whose kind has one of the words in it; without words, all."""
    return {kind: text for kind, text in made.items() if not words or any(word in kind for word in words)}


async def measure(site: Site, plan: Plan, made: dict[str, str]) -> dict[str, dict[str, Drawn]]:
    """What drawing took, by kind and by way."""
    found: dict[str, dict[str, Drawn]] = {}
    async with chromium() as browser:
        for kind, text in made.items():
            page = await open_page(browser, site, with_policy=True)
            await draw(page, "Scripts are compiled.", "ours", plan)
            found[kind] = {name: await draw(page, text, way, plan) for name, way in WAYS.items()}
            await page.context.close()
            print(line(kind, found[kind]), flush=True)
    return found


def line(kind: str, drawn: dict[str, Drawn]) -> str:
    times = (f"{name} {each.longest_task_ms:5.0f} ms ({each.seconds:5.2f} s)" for name, each in drawn.items())
    return f"{kind:<50} {'   '.join(times)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=40_000)
    parser.add_argument("--rate", type=int, default=20_000, help="characters per second")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="kinds with this in their name")
    arguments = parser.parse_args()
    made = chosen(texts(arguments.characters), arguments.only)
    if not made:
        parser.error("no text has such a name")
    plan = Plan(arguments.characters, 0, 1, 20, arguments.rate, least_drawn=0.0)
    with chat_site() as site:
        found = asyncio.run(measure(site, plan, made))
    longest = max(each.longest_task_ms for drawn in found.values() for each in drawn.values())
    holds = longest <= LONGEST_TASK_MS
    print(f"longest task: {longest:.0f} ms  ≤ {LONGEST_TASK_MS} ms  {'holds' if holds else 'DOES NOT HOLD'}")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
