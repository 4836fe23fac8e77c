"""The server's English texts about progress, errors and refusals appear in the page's language."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.test_activity import play
from tests.browser.watch import ACCOUNT_PATHS, NO_NETWORK


async def test_progress_and_failures_are_in_the_page_language(visitors: Visitors) -> None:
    visitor = await visitors(locale="de-DE")
    tab = await visitor.open()
    await tab.send("/rate-limit after=90")
    await expect(tab.failure.locator(".failure__title")).to_have_text("Zu viele Anfragen an das Modell")
    await expect(tab.failure.locator(".failure__detail")).to_have_text(
        "Der Modellanbieter erhält gerade zu viele Anfragen."
    )

    await play(tab, ("status", {"text": "Saving the answer…", "state": "saving"}))
    await expect(tab.answer.locator("[data-part=status]")).to_have_text("Die Antwort wird gespeichert…")
    await play(tab, ("status", {"text": "Reading two pages…", "state": "reading"}))
    await expect(tab.answer.locator("[data-part=status]")).to_have_text("Reading two pages…")


async def test_an_error_is_in_the_page_language(visitors: Visitors) -> None:
    visitor = await visitors(locale="de-DE")
    visitor.watch.expect(*NO_NETWORK)
    tab = await visitor.open()
    await tab.page.keyboard.press("Control+K")
    await expect(tab.page.locator("#palette [role=option]").first).to_be_visible()
    await visitor.context.set_offline(True)
    await tab.page.keyboard.type("heron")
    await expect(tab.page.locator("#palette [role=status]")).to_have_text("Die Website ist nicht erreichbar.")


async def test_the_account_page_is_in_the_browser_language_and_fits_a_phone(
    visitors: Visitors, tmp_path: Path
) -> None:
    visitor = await visitors(locale="de-DE", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    visitor.watch.allow(*ACCOUNT_PATHS)
    page = await visitor.page("/accounts/")

    await expect(page.locator("h1")).to_have_text("Ihr Konto")
    await expect(page.locator("h2")).to_have_text(
        ["Name", "E-Mail-Adresse", "Passwort", "Wo Sie angemeldet sind", "API-Tokens", "Konto löschen"]
    )
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    folder = Path(os.environ.get("CHAT_ARTEFACTS") or tmp_path)
    await page.screenshot(path=folder / "account-german-phone.png", full_page=True)


async def test_errors_of_the_model_server_are_in_the_page_language(visitors: Visitors) -> None:
    visitor = await visitors(locale="de-DE")
    tab = await visitor.open()
    await tab.send("/quota")
    await expect(tab.failure.locator(".failure__title")).to_have_text("Das Kontingent dieser Website ist aufgebraucht")
    await expect(tab.failure.locator(".failure__detail")).to_contain_text("hat kein Guthaben mehr")
