"""Screenshots of a journey, for people to review: a test cannot tell whether a page looks good."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page


@dataclass
class Album:
    """`<folder>/<journey>/<size>-<theme>-01-<what>.png`, in the order of the journey."""

    folder: Path
    prefix: str
    count: int = 0

    async def keep(self, page: Page, what: str) -> None:
        self.count += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", what)
        await page.screenshot(path=self.folder / f"{self.prefix}-{self.count:02}-{name}.png")
