"""A model server that is down: the page says so, and continues by itself when the server is up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import SETTINGS, Visitors
from tests.browser.tab import Tab
from tests.browser.test_audit import AUDIT, audit
from tests.faults.processes import Site, Upstream
from tests.members import prepare
from tests.ports import closed_port


class Place:
    """The site, and an address where a model server starts and stops."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._port = closed_port()
        self._server: Upstream | None = None
        data_dir = folder / "data"
        data_dir.mkdir()
        here = {"OPENAI_BASE_URL": f"http://127.0.0.1:{self._port}/v1", "OPENAI_API_KEY": "", "OPENAI_MODEL": ""}
        self.site = Site(data_dir, prepare(data_dir), **{**SETTINGS, **here})
        stack.callback(self.site.stop)

    def come(self, *models: str) -> None:
        options = ("--port", str(self._port), "--models", ",".join(models))
        self._server = Upstream(self._folder / "log", *options)
        self._stack.callback(self._server.stop)

    def go(self) -> None:
        assert self._server is not None
        self._server.stop()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        made = Place(tmp_path, stack)
        made.site.start()
        yield made


def silent(tab: Tab) -> Locator:
    return tab.page.locator('#model-notice [data-problem="silent"]')


async def test_a_page_opened_before_the_model_server_recovers(place: Place, visitors: Visitors) -> None:
    visitor = await visitors(place.site.cast["alice"], url=place.site.url)
    await visitor.context.add_init_script(AUDIT)
    tab = await visitor.open()
    await expect(silent(tab)).to_have_text("The model server is not responding. Retrying automatically…")
    await audit(tab.page)
    await tab.send("Are you there?")
    await expect(tab.hint).to_contain_text("The model server does not answer.")
    await expect(tab.box).to_have_value("Are you there?")

    place.come("large", "small")
    await expect(silent(tab)).to_be_hidden()
    await expect(tab.assistant).to_have_text("large")
    await tab.choose_assistant("small")
    assert await tab.ask("Are you there?") == "Hello! You said: Are you there?"
    await expect(tab.answer.locator(".message__label")).to_have_text("small")


async def test_an_outage_and_recovery_of_the_model_server_are_shown(place: Place, visitors: Visitors) -> None:
    place.come("large", "small")
    visitor = await visitors(place.site.cast["alice"], url=place.site.url)
    tab = await visitor.open()
    await tab.choose_assistant("small")
    await tab.ask("Hello")
    await expect(silent(tab)).to_be_hidden()

    place.go()
    await tab.send("Still there?")
    await expect(tab.failure).to_be_visible()
    await expect(silent(tab)).to_be_visible()
    await expect(tab.assistant).to_have_text("small")

    place.come("large", "small")
    await expect(silent(tab)).to_be_hidden()
    await tab.failure.locator("[data-action=retry]").click()
    await expect(tab.body).to_have_text("Hello! You said: Still there?")
    await tab.ended()
