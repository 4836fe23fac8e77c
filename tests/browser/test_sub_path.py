"""A site under a path of its host, in a browser: modules with hashed names, WebSocket, API, URLs, storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.samples import scripted
from tests.faults.processes import Site, Upstream
from tests.members import prepare
from tests.server.process import ended

PATH: Final = "/ai"


@pytest.fixture
def below(tmp_path: Path, upstream: Upstream) -> Iterator[Site]:
    variables = {
        **{"CHAT_STATIC_HASHED": "1", "CHAT_STATIC_DIR": str(tmp_path / "static")},
        "CHAT_URL": f"http://127.0.0.1{PATH}",
    }
    made = ended("manage.py", "collectstatic", "--no-input", "--verbosity=0", CHAT_DATA_DIR=str(tmp_path), **variables)
    assert made.returncode == 0, made.stdout
    site = Site(tmp_path, prepare(tmp_path), OPENAI_BASE_URL=upstream.base_url, **variables)
    try:
        site.start()
        yield site
    finally:
        site.stop()


async def test_a_chat_under_a_path_prefix(visitors: Visitors, below: Site) -> None:
    visitor = await visitors(anonymous=True, url=f"{below.url}{PATH}")
    session = below.cast["admin"].session
    await visitor.context.add_cookies(
        [{"name": "ai_sessionid", "value": session, "domain": "127.0.0.1", "path": PATH, "httpOnly": True}]
    )
    tab = await visitor.open(f"{PATH}/")
    await tab.ask(scripted("An answer with $x^2$ and `code`.", size=200))
    await expect(tab.page).to_have_url(f"{below.url}{PATH}/c/{tab.page.url.rpartition('/')[2]}")
    await tab.reload()
    await expect(tab.answers).to_have_count(1)
    await expect(tab.body.locator("math").first).to_be_visible()
    await tab.page.keyboard.press("Control+k")
    await expect(tab.page.locator("#palette").get_by_role("option").first).to_be_visible()
    await tab.page.keyboard.press("Escape")

    asked = await tab.page.evaluate(
        """() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)"""
    )
    assert [path for path in asked if not path.startswith(f"{PATH}/")] == []
    kept = await tab.page.evaluate("() => Object.keys(localStorage)")
    assert [key for key in kept if key.startswith("chatsite.assistant.") and ".ai/" not in key] == []
    await visitor.leave()
