"""python -m tests.browser.screenshot: takes the screenshots in docs/ on a temporary site."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.showcase import MODEL
from tests.browser.visitor import Visitor
from tests.faults.processes import Site
from tests.members import Member
from tests.ports import closed_port
from tests.server.process import ROOT, ended

DOCS: Final = ROOT / "docs"
WIDE: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
PICTURES: Final[dict[str, dict[str, Any]]] = {
    "screenshot.png": {**WIDE, "color_scheme": "light"},
    "screenshot-dark.png": {**WIDE, "color_scheme": "dark"},
    "screenshot-phone.png": {**PHONE, "color_scheme": "light"},
}


async def take_all(site: Site, ada: Member, conversation_id: str) -> None:
    async with chromium() as browser:
        for name, options in PICTURES.items():
            await take(browser, site, ada, conversation_id, name=name, options=options)
            sys.stdout.write(f"docs/{name}\n")


async def take(
    browser: Browser, site: Site, ada: Member, conversation_id: str, *, name: str, options: dict[str, Any]
) -> None:
    visitor = await Visitor.arrive(browser, ada, site.url, reduced_motion="reduce", **options)
    tab = await visitor.open(f"/c/{conversation_id}")
    await expect(tab.answers).to_have_count(1)
    await expect(tab.rows).to_have_count(9)
    await tab.page.screenshot(path=DOCS / name)
    await visitor.leave()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = ended("-m", "tests.browser.showcase", CHAT_DATA_DIR=folder)
        assert made.returncode == 0, made.stdout
        shown = json.loads(made.stdout)
        ada = Member("ada", **shown["member"])
        # This model gets no requests: the answer in the screenshot already exists.
        nowhere = f"http://127.0.0.1:{closed_port()}/v1"
        site = Site(Path(folder), {}, OPENAI_BASE_URL=nowhere, OPENAI_MODEL=MODEL)
        try:
            site.start()
            asyncio.run(take_all(site, ada, shown["conversation_id"]))
        finally:
            site.stop()


if __name__ == "__main__":
    main()
