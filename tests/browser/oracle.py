"""Checks the page's content at each change. The watch checks its behaviour."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page

from tests.browser.conftest import Visitors
from tests.browser.visitor import Visitor
from tests.members import Member

ORACLE: Final = (Path(__file__).parent / "oracle.js").read_text()
WRONG: Final = "() => window.wrongBelow(document.documentElement)"


async def arrive(visitors: Visitors, person: Member | None = None, **options: Any) -> Visitor:
    """A visitor whose pages are checked from the start. Problems are reported to the watch."""
    visitor = await visitors(person, **options)
    await visitor.context.add_init_script(ORACLE)
    return visitor


async def wrong(page: Page) -> list[str]:
    """What should not be in the page now."""
    return list(await page.evaluate(WRONG))


async def check(page: Page) -> None:
    assert await wrong(page) == []
