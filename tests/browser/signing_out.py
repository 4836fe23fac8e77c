"""A user signs out, here or in another tab."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS, LOGGED_OUT, NO_NETWORK


async def log_out(visitor: Visitor, page: Page) -> None:
    visitor.watch.expect(*LOGGED_OUT)
    await page.locator("#user-menu-button").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile(r"/accounts/login/"))


async def sign_in_dialog(visitor: Visitor, tab: Tab) -> Locator:
    """Signs the user out in another tab, and returns the open sign-in dialog of this one."""
    visitor.watch.allow(*ACCOUNT_PATHS)
    visitor.watch.expect(NO_NETWORK[0])
    other = await visitor.open()
    await log_out(visitor, other.page)
    await other.page.close()
    await tab.notice.get_by_role("button", name="Sign in").click()
    dialog = tab.page.locator("#sign-in")
    await expect(dialog).to_be_visible()
    return dialog
