"""python -m tests.browser.icons: draws the PNG icons of static/icons/ from its SVG ones."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from tests.browser.chromium import chromium
from tests.server.process import ROOT

ICONS: Final = ROOT / "static" / "icons"
# Name, drawing, width and height in pixels. Apple's icon has no transparency, which would be shown as black.
PICTURES: Final = (
    ("icon-192.png", "favicon.svg", 192),
    ("icon-512.png", "favicon.svg", 512),
    ("maskable-512.png", "maskable.svg", 512),
    ("apple-touch-icon.png", "maskable.svg", 180),
)


async def draw_all() -> None:
    async with chromium() as browser:
        for name, drawing, size in PICTURES:
            page = await browser.new_page(viewport={"width": size, "height": size}, color_scheme="light")
            await page.set_content(
                f"<style>body{{margin:0}}svg{{display:block}}</style>{(ICONS / drawing).read_text()}"
            )
            await page.screenshot(path=ICONS / name, omit_background=True)
            await page.close()
            sys.stdout.write(f"static/icons/{name}\n")


if __name__ == "__main__":
    asyncio.run(draw_all())
