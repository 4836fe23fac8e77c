"""What the server says in English, of waiting, errors and refusals, in the language of the page."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.test_activity import play
from tests.browser.watch import NO_NETWORK


async def test_progress_and_failures_are_told_in_the_language_of_the_page(visitors: Visitors) -> None:
    visitor = await visitors(locale="de-DE")
    tab = await visitor.open()
    await tab.send("/rate-limit after=90")
    await expect(tab.failure.locator(".failure__title")).to_have_text("Das Modell wird gerade zu oft gefragt")
    await expect(tab.failure.locator(".failure__detail")).to_have_text(
        "Der Anbieter des Modells erhält gerade zu viele Anfragen."
    )

    await play(tab, ("status", {"text": "Saving the answer…", "state": "saving"}))
    await expect(tab.answer.locator("[data-part=status]")).to_have_text("Die Antwort wird gespeichert…")
    await play(tab, ("status", {"text": "Reading two pages…", "state": "reading"}))
    await expect(tab.answer.locator("[data-part=status]")).to_have_text("Reading two pages…")


async def test_an_error_is_told_in_the_language_of_the_page(visitors: Visitors) -> None:
    visitor = await visitors(locale="de-DE")
    visitor.watch.expect(*NO_NETWORK)
    tab = await visitor.open()
    await tab.page.keyboard.press("Control+K")
    await expect(tab.page.locator("#palette [role=option]").first).to_be_visible()
    await visitor.context.set_offline(True)
    await tab.page.keyboard.type("heron")
    await expect(tab.page.locator("#palette [role=status]")).to_have_text("Die Seite ist nicht erreichbar.")
