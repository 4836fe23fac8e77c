"""The machine's own Chromium, without a screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# Tests run as root in containers, which Chromium's sandbox refuses; the rest keeps it from calling home.
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic")


def executable() -> str:
    """Its path: CHROMIUM, or what is found on the PATH."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "there is no Chromium: install the package chromium, or set CHROMIUM to its path"
    return found


@asynccontextmanager
async def chromium(**options: Any) -> AsyncIterator[Browser]:
    """`options` are those of `launch`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS, **options)
        try:
            yield browser
        finally:
            await browser.close()
