"""python -m bench.first_load: how soon the page can be used, on a processor four times slower, with nothing cached.

The site runs as it is deployed: hashed, compressed static files, over loopback. "Interactive" is when the message box
takes text and what was opened is drawn, and no task of more than 50 ms follows. Both pages are opened again and again,
each time as somebody who was never here; the median and the worst are printed, and the exit code says if the median
keeps the limit. The other figures are Lighthouse's: first and largest paint, blocking time, shifts of the layout.
Scripts that were asked for before the page could be used are its first load; those that come when it is idle are told
apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser

from tests.browser.chromium import chromium
from tests.browser.showcase import MODEL
from tests.fake_openai.server import closed_port
from tests.faults.processes import Site
from tests.members import Member
from tests.server.process import ended

LIMIT_MS: Final = 1_500
SLOWER: Final = 4
# After the last long task.
QUIET_MS: Final = 1_000

# Runs before the page's own scripts.
LOOK_ON: Final = """
(() => {
  const seen = (window.__seen = { usable: 0, tasks: [], paint: 0, largest: 0, shift: 0 });
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe("longtask", ({ startTime, duration }) => seen.tasks.push([startTime, duration]));
  observe("paint", ({ name, startTime }) => { if (name === "first-contentful-paint") seen.paint = startTime; });
  observe("largest-contentful-paint", ({ startTime }) => { seen.largest = startTime; });
  observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) seen.shift += value; });
  const look = () => {
    const view = document.getElementById("app")?.dataset.view;
    const answer = document.querySelector('[data-role="assistant"] .message__body :first-child');
    const drawn = view === "empty" || (view && answer);
    if (drawn) seen.usable = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
READY: Final = """(quiet) => {
  const { usable, tasks } = window.__seen;
  const last = Math.max(usable, ...tasks.map(([start, duration]) => start + duration));
  return usable > 0 && performance.now() - last > quiet;
}"""
RESULT: Final = """() => {
  const { usable, tasks, paint, largest, shift } = window.__seen;
  const all = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".js"));
  const scripts = all.filter(({ startTime }) => startTime <= usable);
  const later = all.filter(({ startTime }) => startTime > usable);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const size = (folder, among = scripts) =>
    sum(among.filter(({ name }) => name.includes(folder)).map(({ encodedBodySize }) => encodedBodySize));
  return {
    interactive: Math.max(usable, ...tasks.map(([start, duration]) => start + duration)),
    paint, largest, shift,
    blocked: sum(tasks.map(([, duration]) => duration - 50)),
    files: scripts.length, own: size("/static/js/"), vendored: size("/static/vendor/"),
    laterFiles: later.length, later: size("/static/", later),
  };
}"""


async def load(browser: Browser, site: Site, ada: Member, path: str) -> dict[str, float]:
    context = await browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 800})
    try:
        await context.add_cookies([{"name": "sessionid", "value": ada.session, "url": site.url}])
        await context.add_init_script(LOOK_ON)
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        await page.goto(path)
        await page.wait_for_function(READY, arg=QUIET_MS)
        await page.locator("#composer-text").press_sequentially("hi")
        assert await page.locator("#composer-text").input_value() == "hi"
        found: dict[str, float] = await page.evaluate(RESULT)
        return found
    finally:
        await context.close()


async def measure(site: Site, ada: Member, paths: dict[str, str], rounds: int) -> bool:
    kept = True
    async with chromium() as browser:
        await load(browser, site, ada, "/")  # Chromium itself, and the server, have their first time as well.
        for name, path in paths.items():
            loads = [await load(browser, site, ada, path) for _ in range(rounds)]
            kept = show(name, loads) and kept
    return kept


def show(name: str, loads: list[dict[str, float]]) -> bool:
    middle = {key: statistics.median(each[key] for each in loads) for key in loads[0]}
    worst = max(each["interactive"] for each in loads)
    print(
        f"{name}: interactive after {middle['interactive']:.0f} ms (worst {worst:.0f}; limit {LIMIT_MS}), "
        f"first paint {middle['paint']:.0f} ms, largest {middle['largest']:.0f} ms, "
        f"blocked {middle['blocked']:.0f} ms, layout shift "
        f"{middle['shift']:.3f}; scripts: {middle['files']:.0f} files, {middle['own'] / 1024:.1f} KB of our own, "
        f"{middle['vendored'] / 1024:.1f} KB vendored; afterwards, by themselves: {middle['laterFiles']:.0f} files, "
        f"{middle['later'] / 1024:.1f} KB"
    )
    return middle["interactive"] <= LIMIT_MS


def made(*arguments: str, **variables: str) -> str:
    process = ended(*arguments, **variables)
    if process.returncode:
        raise SystemExit(process.stdout)
    return str(process.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="loads of each page")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        variables: dict[str, str] = {"CHAT_DATA_DIR": folder, "CHAT_STATIC_DIR": f"{folder}/static"}
        variables["CHAT_STATIC_HASHED"] = "1"
        made("manage.py", "collectstatic", "--no-input", "--verbosity=0", **variables)
        shown: dict[str, Any] = json.loads(made("-m", "tests.browser.showcase", **variables))
        ada = Member("ada", **shown["member"])
        del variables["CHAT_DATA_DIR"]
        site = Site(
            Path(folder), {}, OPENAI_BASE_URL=f"http://127.0.0.1:{closed_port()}/v1", OPENAI_MODEL=MODEL, **variables
        )
        try:
            site.start()
            paths = {"A new chat": "/", "A conversation": f"/c/{shown['conversation_id']}"}
            kept = asyncio.run(measure(site, ada, paths, rounds))
        finally:
            site.stop()
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
