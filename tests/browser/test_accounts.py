"""Accounts and preferences: signing up, in and out, the first administrator, light and dark themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.signing_out import log_out
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS, NO_NETWORK
from tests.cast import PASSWORD
from tests.faults.processes import Site, Upstream
from tests.server.process import ended

UNUSUAL = "wading birds at dusk 7"


@pytest.fixture
def empty_site(tmp_path: Path, upstream: Upstream) -> Iterator[Site]:
    """A site without any accounts."""
    made = ended("manage.py", "migrate", "--verbosity=0", CHAT_DATA_DIR=str(tmp_path))
    assert made.returncode == 0, made.stdout
    site = Site(tmp_path, {}, OPENAI_BASE_URL=upstream.base_url)
    try:
        site.start()
        yield site
    finally:
        site.stop()


async def log_in(page: Page, name: str, password: str) -> None:
    await page.locator("input[name=login]").fill(name)
    await page.locator("input[name=password]").fill(password)
    await page.locator(".form button[type=submit]").click()


async def stranger(visitors: Visitors, **options: object) -> Visitor:
    visitor = await visitors(anonymous=True, **options)
    visitor.watch.allow(*ACCOUNT_PATHS)
    return visitor


async def test_a_visitor_signs_up_chats_signs_out_and_returns(visitors: Visitors) -> None:
    visitor = await stranger(visitors)
    page = await visitor.page("/")
    await expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/"))
    await page.get_by_role("link", name="Create an account").click()
    await page.locator("input[name=username]").fill("dora")
    await page.locator("input[name=password1]").fill(UNUSUAL)
    await page.locator("input[name=password2]").fill(UNUSUAL)
    await page.locator(".form button[type=submit]").click()
    await expect(page.locator("#welcome")).to_contain_text("dora")
    tab = Tab(page)
    await tab.loaded()
    await tab.ask("Do you remember me?")
    address = page.url

    await log_out(visitor, page)
    await page.goto(address)
    await expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/c/"))
    await log_in(page, "dora", "something else")
    await expect(page.get_by_text(re.compile("not correct"))).to_be_visible()
    await log_in(page, "dora", UNUSUAL)
    await expect(page).to_have_url(address)
    await expect(tab.questions).to_have_text("Do you remember me?")


async def test_a_signed_out_tab_shows_a_notice_and_keeps_the_draft(visitor: Visitor) -> None:
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab, other = await visitor.open(), await visitor.open()
    await tab.ask("Hello")
    await tab.box.fill("half a thought")
    await log_out(visitor, other.page)
    conversation_id = await tab.conversation_id()
    await tab.press_row(conversation_id, "rename")
    await tab.row(conversation_id).locator("input[name=title]").fill("Too late")
    await tab.page.keyboard.press("Enter")

    await expect(tab.row(conversation_id)).to_contain_text("Hello")
    await expect(tab.notice).to_contain_text("signed out")
    await expect(tab.notice.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(tab.box).to_have_value("half a thought")


async def test_signing_in_again_in_place_sends_pending_messages_once(visitor: Visitor) -> None:
    visitor.watch.allow(*ACCOUNT_PATHS)
    visitor.watch.expect(r"console: .* 400 .*/accounts/login/", NO_NETWORK[0])
    tab, other = await visitor.open(), await visitor.open()
    await tab.ask("Hello")
    await log_out(visitor, other.page)
    await expect(tab.notice).to_contain_text("signed out")
    await tab.send("Are you still there?")
    dialog = tab.page.locator("#sign-in")
    await expect(dialog.locator("input[name=login]")).to_have_value(visitor.name)
    await dialog.locator("input[name=password]").fill("something else")
    await dialog.locator("input[name=password]").press("Enter")
    await expect(dialog.locator("[role=alert]")).to_contain_text("not correct")
    await tab.page.keyboard.press("Escape")
    await tab.box.fill("a draft")

    await tab.notice.get_by_role("button", name="Sign in").click()
    await dialog.locator("input[name=password]").fill(PASSWORD)
    await dialog.locator("input[name=password]").press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(tab.notice).to_have_count(0)
    await expect(tab.answers).to_have_count(2)
    await tab.ended()
    assert await tab.text() == "Hello! You said: Are you still there?"
    await expect(tab.box).to_have_value("a draft")
    await tab.reload()
    await expect(tab.questions).to_have_text(["Hello", "Are you still there?"])
    await log_out(visitor, tab.page)


async def test_signing_out_clears_stored_texts(visitor: Visitor) -> None:
    assert visitor.person
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab = await visitor.open()
    await tab.ask("Hello")
    await tab.box.fill("a draft")
    left = f"chatsite.outbox.{visitor.person.id}.of-a-closed-tab"
    await tab.page.evaluate("(key) => localStorage.setItem(key, '[]')", left)
    await tab.page.evaluate("localStorage.setItem('chatsite.outbox.0.of-somebody-else', '[]')")
    words = "Object.keys(localStorage).filter((key) => /outbox|draft/.test(key))"
    await tab.page.wait_for_function(f"() => {words}.length === 3")

    await log_out(visitor, tab.page)

    assert await tab.page.evaluate(words) == ["chatsite.outbox.0.of-somebody-else"]


async def test_closing_a_signed_out_tab_stores_nothing(visitor: Visitor) -> None:
    visitor.watch.allow(*ACCOUNT_PATHS)
    other, tab = await visitor.open(), await visitor.open()
    await tab.box.fill("half a thought")
    stored = "() => Object.keys(localStorage).filter((key) => key.includes('draft')).length"
    await tab.page.wait_for_function(stored)
    await log_out(visitor, other.page)
    await expect(tab.notice).to_contain_text("signed out")
    await expect(tab.box).to_have_value("half a thought")

    await tab.page.goto("/accounts/login/")

    assert await tab.page.evaluate(stored) == 0


async def test_users_cannot_read_conversations_of_others(visitors: Visitors) -> None:
    alice, charlie = await visitors(), await visitors()
    tab = await alice.open()
    await tab.ask("My secret")
    conversation_id = await tab.conversation_id()
    charlie.watch.expect(r"console: .* 404 .*/(c|api/conversations)/")
    page = await charlie.page(f"/c/{conversation_id}")
    await expect(page.locator("chat-transcript [data-part=problem]")).to_contain_text("someone else")
    assert "secret" not in await page.content()


async def test_the_setup_link_creates_the_administrator_once(empty_site: Site, visitors: Visitors) -> None:
    found = re.search(r"(http://\S+/setup/\?token=\S+)", empty_site.log)
    assert found, empty_site.log
    visitor = await stranger(visitors, url=empty_site.url)
    visitor.watch.expect(r"console: .* 403 .*/setup/", r"console: .* 404 .*/setup/")
    page = await visitor.page("/")
    await expect(page).to_have_url(re.compile(r"/setup/$"))
    await expect(page.locator("main")).to_contain_text("not set up yet")
    await page.goto(found[1])
    await page.locator("input[name=username]").fill("root")
    await page.locator("input[name=password1]").fill(UNUSUAL)
    await page.locator("input[name=password2]").fill(UNUSUAL)
    await page.get_by_role("button", name="Create administrator").click()
    await expect(page.locator("#welcome")).to_contain_text("root")
    await page.locator("#user-menu-button").click()
    await expect(page.get_by_role("link", name="Administration")).to_be_visible()

    later = await stranger(visitors, url=empty_site.url)
    later.watch.expect(r"console: .* 404 .*/setup/")
    again = await later.page(found[1])
    await expect(again.locator("h1")).to_contain_text("not found")


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
async def test_the_theme_is_in_the_page_before_its_first_paint(visitors: Visitors, system: str, chosen: str) -> None:
    visitor = await visitors(color_scheme=system)
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab = await visitor.open()
    before = await background(tab.page)
    await tab.page.locator("#user-menu-button").click()
    async with tab.page.expect_response("**/theme") as answered:
        await tab.page.locator(f"#user-menu label:has(input[value={chosen}])").click()
    assert (await answered.value).ok
    after = await background(tab.page)
    assert after != before

    response = await tab.page.reload()
    assert response
    assert f'data-theme="{chosen}"' in await response.text()
    assert await background(tab.page) == after
    await expect(tab.page.locator(f"#user-menu input[value={chosen}]")).to_be_checked()
    await log_out(visitor, tab.page)
    await expect(tab.page.locator("html")).to_have_attribute("data-theme", chosen)


async def background(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


async def test_a_password_is_changed(visitor: Visitor) -> None:
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab = await visitor.open()
    await tab.page.locator("#user-menu-button").click()
    await tab.page.get_by_role("link", name="Your account").click()
    await tab.page.get_by_role("link", name="Change password").click()
    await tab.page.locator("input[name=oldpassword]").fill(PASSWORD)
    await tab.page.locator("input[name=password1]").fill(UNUSUAL)
    await tab.page.locator("input[name=password2]").fill(UNUSUAL)
    await tab.page.locator(".form button[type=submit]").click()
    await expect(tab.page).to_have_url(re.compile(r"/accounts/$"))
    await expect(tab.page.locator(".flash")).to_have_text("Your password was changed.")
    await tab.page.get_by_role("link", name="Back to the chat").click()
    await tab.loaded()
    await expect(tab.page.locator(".flash")).to_have_count(0)
    await log_out(visitor, tab.page)
    assert visitor.person
    await log_in(tab.page, visitor.person.name, UNUSUAL)
    await expect(tab.page.locator("#welcome")).to_be_visible()


async def test_an_address_is_confirmed_by_mail(visitor: Visitor, site: Site) -> None:
    visitor.watch.allow(*ACCOUNT_PATHS)
    address = f"{visitor.name}.heron@example.org"
    page = await visitor.page("/accounts/")
    form = page.locator("form", has=page.get_by_role("button", name="Save address"))
    await form.get_by_label("Email").fill(address)
    await form.get_by_label("Your password").fill(PASSWORD)
    await form.get_by_role("button").click()
    await expect(page.locator(".flash")).to_contain_text(f"link to {address}")
    found = re.findall(r"https?://[^/\s]+(/accounts/address/confirm/\S+)", site.log)
    assert found, "no mail with a link in the site's log"
    await page.goto(found[-1])
    await expect(page.locator(".entrance__lead")).to_contain_text(address)
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.locator(".flash")).to_have_text("Address saved.")
    await expect(page.locator("#address_email")).to_have_value(address)


async def test_the_account_page_works_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.watch.allow(*ACCOUNT_PATHS)
    page = await visitor.page("/accounts/")
    await page.locator("#name_display_name").focus()
    await page.keyboard.type("Ada")
    await page.keyboard.press("Enter")
    await expect(page.locator(".flash")).to_have_text("Name saved.")
    focused = "document.activeElement.textContent.trim() || document.activeElement.name || ''"
    reached = []
    await page.evaluate("document.activeElement.blur()")
    for _ in range(40):
        await page.keyboard.press("Tab")
        reached.append(str(await page.evaluate(focused)))
    assert {"Save name", "Save address", "Change password", "Sign out", "Create token", "Delete account…"} <= {
        *reached
    }


async def test_signing_out_on_the_account_page_clears_stored_texts(visitor: Visitor) -> None:
    assert visitor.person
    visitor.watch.allow(*ACCOUNT_PATHS)
    tab = await visitor.open()
    await tab.box.fill("a draft")
    words = "Object.keys(localStorage).filter((key) => /outbox|draft/.test(key))"
    await tab.page.wait_for_function(f"() => {words}.length === 1")
    await tab.page.evaluate("localStorage.setItem('chatsite.outbox.0.of-somebody-else', '[]')")
    await tab.page.goto("/accounts/")

    await tab.page.get_by_role("button", name="Sign out").click()

    await expect(tab.page).to_have_url(re.compile(r"/accounts/login/"))
    assert await tab.page.evaluate(words) == ["chatsite.outbox.0.of-somebody-else"]
