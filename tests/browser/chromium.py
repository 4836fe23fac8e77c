"""The installed Chromium, headless."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# Chromium's sandbox refuses to run as root, as tests do in containers. The rest keeps Chromium from phoning home.
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic")


def executable() -> str:
    """The path of Chromium: the variable CHROMIUM, or the first found on the PATH."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "Chromium not found: install the package chromium, or set CHROMIUM to its path"
    return found


@asynccontextmanager
async def chromium(**options: Any) -> AsyncIterator[Browser]:
    """`options`: passed to `launch`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS, **options)
        try:
            yield browser
        finally:
            await browser.close()
