"""Stored and reflected scripts (S5): URLs, forms, suggestions and errors are only text."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

import pytest
from django.template.loader import render_to_string
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.oracle import arrive, check
from tests.browser.payloads import FIELDS
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS, ADMIN_PATHS
from tests.cast import PASSWORD
from tests.members import Member

# All of them in one text: anything that a page does not escape would do harm.
ALL: Final = " ".join(FIELDS)
ELSEWHERE: Final = ("//evil.example", "/\\evil.example", "https://evil.example/", "javascript:__x=1", "data:,x")
NOT_THERE: Final = r"console: .* (400|404) "


async def stranger(visitors: Visitors) -> Visitor:
    visitor = await arrive(visitors, anonymous=True)
    visitor.watch.allow(*ACCOUNT_PATHS)
    return visitor


async def submit(page: Page, **entered: str) -> None:
    """Without the browser's form validation."""
    form = page.locator("main form.form")
    for name, value in entered.items():
        await form.locator(f"input[name={name}]").fill(value)
    async with page.expect_navigation():
        await form.evaluate("(form) => HTMLFormElement.prototype.submit.call(form)")


async def test_form_input_is_shown_as_text(visitors: Visitors) -> None:
    page = await (await stranger(visitors)).page(f"/accounts/login/?next={quote('/' + ALL)}")
    await check(page)
    await expect(page.locator("input[name=next]")).to_have_value(f"/{ALL}")
    await submit(page, login=ALL, password=ALL)
    await expect(page.locator("input[name=login]")).to_have_value(ALL)
    await expect(page.locator("input[name=next]")).to_have_value(f"/{ALL}")
    await check(page)

    await page.goto("/accounts/signup/")
    await submit(page, username=ALL, email=ALL, password1=ALL, password2=FIELDS[0])
    await expect(page.locator("input[name=username]")).to_have_value(ALL[:150])
    await check(page)
    await page.goto("/accounts/password/reset/")
    await submit(page, email=ALL)
    await expect(page.locator("input[name=email]")).to_have_value(ALL[:320])
    await check(page)


@pytest.mark.parametrize("address", ELSEWHERE)
async def test_signing_in_does_not_redirect_to_other_sites(visitors: Visitors, address: str) -> None:
    visitor = await stranger(visitors)
    known = await visitors()
    page = await visitor.page(f"/accounts/login/?next={quote(address)}")
    await submit(page, login=known.name, password=PASSWORD)
    await expect(page.locator("#app")).to_be_visible()
    assert urlsplit(page.url).path == "/"


async def test_addresses_are_only_text(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    visitor.watch.allow(r"/.*")
    visitor.watch.expect(NOT_THERE)
    page = await visitor.page("/accounts/logout/")
    hostile = quote(ALL, safe="")
    for path in ("", "c/", "accounts/", "accounts/password/reset/key/", "static/", "setup/?token=", "image?address="):
        await page.goto(f"/{path}{hostile}")
        await expect(page.locator("main")).to_be_visible()
        await check(page)
    for path in ("c/not-an-id", "accounts/logout/", "accounts/reauthenticate/", "accounts/password/change/", ""):
        await page.goto(f"/{path}?next={hostile}&message={hostile}&q={hostile}#{hostile}")
        await expect(page.locator("main")).to_be_visible()
        await check(page)


async def test_api_errors_are_not_rendered_as_pages(visitors: Visitors) -> None:
    """Opened as pages from a link, they are JSON, and a browser cannot take them for anything else."""
    visitor = await visitors()
    visitor.watch.allow(r"/api/.*")
    visitor.watch.expect(NOT_THERE)
    page = await visitor.context.new_page()
    hostile = quote(ALL, safe="")
    for path in (
        f"search?q={hostile}",
        f"search?q=x&cursor={hostile}",
        f"conversations?cursor={hostile}",
        f"conversations/{hostile}",
        f"runs/{hostile}/events?after={hostile}",
        hostile,
    ):
        response = await page.goto(f"/api/{path}")
        assert response
        assert response.headers["content-type"].startswith("application/json")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "script-src" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("template", "told", "place"),
    [("account/login.html", {"messages": [ALL]}, ".flash"), ("403.html", {"reason": ALL}, ".entrance__lead")],
)
async def test_server_messages_are_only_text(
    visitors: Visitors, template: str, told: dict[str, object], place: str
) -> None:
    """On the page alone, without its Content Security Policy."""
    page = await (await stranger(visitors)).context.new_page()
    body = render_to_string(template, told)
    await page.route("**/accounts/login/", lambda route: route.fulfill(content_type="text/html", body=body))
    await page.goto("/accounts/login/")
    await expect(page.locator(place)).to_have_text(ALL)
    await check(page)


async def test_suggestions_are_only_text(visitors: Visitors, admin: Member) -> None:
    editor = await visitors(admin)
    editor.watch.allow(*ADMIN_PATHS)
    page = await editor.page("/admin/chat/suggestion/add/")
    for words in FIELDS:
        await page.locator("input[name=title]").fill(words)
        await page.locator("textarea[name=text]").fill(words)
        async with page.expect_navigation():
            await page.locator("input[name=_addanother]").click()
        await expect(page.locator(".messagelist .success")).to_contain_text(words)
    tab = await (await arrive(visitors)).open()
    for words in FIELDS:
        await tab.page.locator(".prompt").get_by_text(words, exact=True).click()
        await expect(tab.box).to_have_value(words)
        await tab.box.fill("")
    await check(tab.page)

    await page.goto("/admin/chat/suggestion/")
    for words in FIELDS:
        row = page.locator("#result_list tbody tr").filter(has=page.get_by_text(words, exact=True))
        await row.locator(".action-select").check()
    await page.locator("select[name=action]").select_option("delete_selected")
    await page.locator("button[name=index]").click()
    await page.locator("input[type=submit]").click()
    await expect(page.locator(".messagelist .success")).to_be_visible()
