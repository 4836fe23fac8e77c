"""A user manages their own account, and finally deletes it."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.browser.journeys.album import Album
from tests.browser.journeys.conftest import DeviceVisitors
from tests.browser.visitor import Visitor
from tests.browser.watch import LOGGED_OUT
from tests.cast import PASSWORD

# Exactly the characters of a token, so that no other text matches.
SECRET = re.compile(r"^chat_[\w-]{43}$")


async def fits(page: Page) -> bool:
    """Whether the page is no wider than the screen."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def to_the_account(visitor: Visitor, *, is_phone: bool) -> Page:
    tab = await visitor.open()
    if is_phone:
        await tab.page.locator("#open-sidebar").click()
    await tab.page.locator("#user-menu-button").click()
    await tab.page.get_by_role("link", name="Your account").click()
    await expect(tab.page.locator("h1")).to_have_text("Your account")
    return tab.page


async def test_a_user_manages_and_deletes_their_account(
    travellers: DeviceVisitors, album: Album, is_phone: bool
) -> None:
    visitor = await travellers()
    page = await to_the_account(visitor, is_phone=is_phone)
    assert await fits(page)
    await album.keep(page, "the account")

    await page.get_by_label("Display name").fill("Ada of the Herons")
    await page.get_by_role("button", name="Save name").click()
    await expect(page.locator(".flash")).to_have_text("Name saved.")

    form = page.locator("form", has=page.get_by_role("button", name="Create token"))
    await form.get_by_label("What is it for?").fill("A backup of everything, every night at four")
    await form.get_by_label("Your password").fill("something else")
    await form.get_by_role("button").click()
    await expect(page.locator(".errorlist")).to_have_text("Incorrect password.")
    await expect(form.get_by_label("Your password")).to_be_focused()
    await expect(page.locator(".errorlist")).to_be_in_viewport()
    await album.keep(page, "a wrong password")
    await form.get_by_label("Your password").fill(PASSWORD)
    await form.get_by_role("button").click()
    await expect(page.locator(".account__code")).to_have_text(SECRET)
    await expect(page.locator(".account__code")).to_be_focused()
    await expect(page.locator(".account__code")).to_be_in_viewport()
    assert await fits(page)
    await album.keep(page, "a new token")
    await page.goto("/accounts/")
    await expect(page.locator(".account__code")).to_have_count(0)
    await page.get_by_role("button", name="Revoke token: A backup of everything").click()
    await expect(page.locator(".flash")).to_contain_text("Token revoked.")

    other = await travellers(anonymous=True)
    other.watch.expect(*LOGGED_OUT, r"console: .* 401 ")
    there = await other.page("/accounts/login/?next=/")
    await there.locator("input[name=login]").fill(visitor.name)
    await there.locator("input[name=password]").fill(PASSWORD)
    await there.locator(".form button[type=submit]").click()
    await expect(there.locator("#user-menu-button")).to_contain_text("Ada of the Herons")
    await expect(there.locator("#welcome")).to_contain_text("Ada of the Herons")
    await page.reload()
    sessions = page.locator("section", has=page.get_by_role("heading", name="Where you are signed in"))
    await expect(sessions.locator(".account__item")).to_have_count(2)
    await sessions.scroll_into_view_if_needed()
    await album.keep(page, "two sessions")
    await page.get_by_role("button", name="End all other sessions").click()
    await expect(page.locator(".flash")).to_have_text("1 other session ended.")
    await expect(there.locator("#connection-notice")).to_contain_text("signed out")
    await album.keep(there, "signed out from elsewhere")

    await page.get_by_role("link", name="Delete account").click()
    await album.keep(page, "before the end")
    await page.get_by_label("Your password").fill(PASSWORD)
    await page.get_by_role("button", name="Delete everything").click()
    await expect(page.locator("h1")).to_have_text("Your account was deleted")
    await album.keep(page, "deleted")
    assert await page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('chatsite.'))") == []
    await page.goto("/accounts/login/")
    await page.locator("input[name=login]").fill(visitor.name)
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.locator(".form button[type=submit]").click()
    await expect(page.locator(".errorlist")).to_be_visible()
