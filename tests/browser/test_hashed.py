"""The page as it is deployed: its modules in a few files, with hashed names that can be cached forever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from chatsite.bundle import exports
from tests.browser.conftest import Visitors
from tests.browser.samples import MARKDOWN, scripted
from tests.faults.processes import Site, Upstream
from tests.members import prepare
from tests.server.process import ended

# The exports of each bundle that is loaded later, by the name in the import map.
LATE = """async (prefix) => {
  const { imports } = JSON.parse(document.querySelector("script[type=importmap]").textContent);
  const names = Object.keys(imports).filter((name) => name.startsWith(`${prefix}js/`));
  const apart = /\\/(chat|account|early_enter|highlight_worker|transport)\\.js$/;
  const late = names.filter((name) => !apart.test(name));
  return Object.fromEntries(await Promise.all(late.map(async (name) => [name, Object.keys(await import(name))])));
}"""
STATIC = Path(__file__).resolve().parents[2] / "static"


@pytest.fixture
def hashed(tmp_path: Path, upstream: Upstream) -> Iterator[Site]:
    static = {"CHAT_STATIC_HASHED": "1", "CHAT_STATIC_DIR": str(tmp_path / "static")}
    made = ended("manage.py", "collectstatic", "--no-input", "--verbosity=0", CHAT_DATA_DIR=str(tmp_path), **static)
    assert made.returncode == 0, made.stdout
    site = Site(tmp_path, prepare(tmp_path), OPENAI_BASE_URL=upstream.base_url, **static)
    try:
        site.start()
        yield site
    finally:
        site.stop()


async def test_a_chat_with_hashed_static_files(visitors: Visitors, hashed: Site) -> None:
    visitor = await visitors(hashed.cast["admin"], url=hashed.url)
    tab = await visitor.open()
    await tab.ask("Hello")
    await tab.ask(scripted(f"{MARKDOWN}\n\nAnd $x^2$ for later.", size=200))
    # Modules that are loaded only when needed, and share other modules with the page.
    await expect(tab.body.locator('[class*="hljs"], .code-content span').first).to_be_visible()
    await expect(tab.body.locator("math").first).to_be_visible()
    await tab.page.locator('.message[data-role="user"] [data-action=edit]').last.click()
    await expect(tab.page.locator(".editor textarea")).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await tab.page.keyboard.press("Control+k")
    await expect(tab.page.locator("#palette").get_by_role("option").first).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await tab.ask("/think count=3")
    await expect(tab.answer.locator(".message__thoughts")).to_contain_text("Thought 2.")
    await tab.reload()
    await expect(tab.answers).to_have_count(3)

    scripts = await tab.page.evaluate(
        """() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)
          .filter((name) => name.endsWith(".js"))"""
    )
    assert len(scripts) == len(set(scripts)), scripts
    # The page waits for only two: its own bundle and the parser.
    assert await tab.page.locator("link[rel=modulepreload]").count() == 2
    assert all(len(name.split(".")) == 3 for name in scripts if name.startswith("/static/js/")), scripts

    # Each bundle, used here or not, loads, finds the modules that it shares with the page, and has the right exports.
    found = await tab.page.evaluate(LATE, "/static/")
    assert len(found) > 20
    for name, names in found.items():
        source = STATIC / name.removeprefix("/static/")
        assert {*names} - {"$all"} == {*exports(source.read_text("utf-8"))}, name
    assert "Drawn" in found["/static/js/message/parts/tool_call.js"]
    await visitor.leave()
