"""Stored scripts (S5): titles, names and assistants are only text in the chat, the admin and the API's pages."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import HOSTILE, Visitors
from tests.browser.oracle import arrive, check
from tests.browser.payloads import FIELDS
from tests.browser.visitor import Visitor
from tests.browser.watch import ADMIN_PATHS
from tests.faults.processes import Site
from tests.members import Member

CHOOSE: Final = "(select, id) => select.add(new Option(id, id, true, true))"


async def administrator(visitors: Visitors, admin: Member) -> Visitor:
    """The oracle does not know Django's pages: only the watch checks them."""
    visitor = await visitors(admin)
    visitor.watch.allow(*ADMIN_PATHS)
    return visitor


async def test_titles_are_only_text(visitors: Visitors, admin: Member) -> None:
    visitor = await arrive(visitors)
    tab = await visitor.open()
    titled = {}
    for title in FIELDS:
        run = await visitor.api("POST", "/api/runs", {"text": title})
        conversation_id = run["conversation_id"]
        await expect(tab.row(conversation_id)).to_contain_text(title[:20])
        await expect(tab.row(conversation_id).locator(".conversation__live")).to_be_hidden()
        await tab.row(conversation_id).locator("[data-action=open]").click()
        await tab.press_row(conversation_id, "rename")
        await tab.row(conversation_id).locator("input[name=title]").fill(f"My {title}")
        await tab.page.keyboard.press("Enter")
        await expect(tab.title).to_have_text(f"My {title}")
        await expect(tab.page).to_have_title(f"My {title} · Chatsite")
        titled[conversation_id] = f"My {title}"
    await tab.hold_toast()
    await tab.press_row(conversation_id, "delete")
    await expect(tab.toast).to_contain_text(title)
    await tab.toast.locator("[data-action=undo]").click()
    await tab.reload()
    await expect(tab.titles).to_have_count(len(FIELDS))
    await check(tab.page)

    assert visitor.person
    page = await (await administrator(visitors, admin)).page(f"/admin/chat/conversation/?q={visitor.person.name}@")
    for conversation_id, title in titled.items():
        await expect(page.locator("#result_list")).to_contain_text(title)
        await page.goto(f"/admin/chat/conversation/{conversation_id}/change/")
        await expect(page.locator(".transcript__text").first).to_have_text(title.removeprefix("My "))
        await page.go_back()
    await page.goto(f"/admin/chat/conversation/{conversation_id}/history/")
    await expect(page.locator("#content")).to_contain_text("Viewed.")
    await page.goto(f"/admin/chat/conversation/?q={visitor.person.name}@")
    await delete_all(page, list(titled.values()))


@pytest.mark.parametrize("name", HOSTILE)
async def test_names_of_people_are_only_text(visitors: Visitors, site: Site, admin: Member, name: str) -> None:
    person = site.cast[name]
    visitor = await arrive(visitors, person)
    tab = await visitor.open()
    await expect(tab.page.locator("#welcome")).to_contain_text(name)
    await expect(tab.page.locator("#user-menu-button")).to_contain_text(name)
    await tab.ask("Hello")
    await check(tab.page)

    page = await (await administrator(visitors, admin)).page("/admin/chat/user/")
    for path in (
        "?q=x%3D1",
        f"{person.id}/change/",
        f"{person.id}/history/",
        f"{person.id}/delete/",
        f"{person.id}/password/",
    ):
        response = await page.goto(f"/admin/chat/user/{path}")
        assert response
        assert response.ok
        await expect(page.locator("#container")).to_contain_text(name)
    await page.goto("/admin/chat/user/?q=x%3D1")
    await expect(page.locator("#result_list")).to_contain_text(name)
    await page.goto("/admin/chat/conversation/")
    await expect(page.locator("#result_list")).to_contain_text(name)


async def test_assistants_are_only_text(visitors: Visitors, admin: Member) -> None:
    page = await (await administrator(visitors, admin)).page("/admin/chat/assistant/add/")
    slugs = {words: f"hostile-{number}" for number, words in enumerate(FIELDS)}
    for words, slug in slugs.items():
        for field, value in (("slug", slug), ("name", words), ("description", words), ("model", words)):
            await page.locator(f"input[name={field}]").fill(value)
        await page.locator("textarea[name=instructions]").fill(words)
        await page.locator("select[name=provider]").select_option("openai")
        await expect(page.locator("input[name=slug]")).to_have_value(slug)
        async with page.expect_navigation():  # Until the form's own scripts run, a name would overwrite the slug.
            await page.locator("input[name=_addanother]").click()
        await expect(page.locator(".messagelist .success")).to_contain_text(words)
    tab = await (await arrive(visitors)).open()
    for words, slug in slugs.items():
        await tab.choose_assistant(slug)
        # The answer repeats the instructions.
        await tab.ask("/echo")
        await expect(tab.answer.locator(".message__label")).to_contain_text(words)
        await check(tab.page)
        await tab.page.locator("#new-chat").click()
    await tab.page.go_back()
    await expect(tab.answer.locator(".message__label")).to_contain_text(words)
    await check(tab.page)

    await page.goto("/admin/chat/assistant/?q=hostile")
    for href in await page.locator("#result_list tbody th a").evaluate_all(
        "(links) => links.map(({ pathname }) => pathname)"
    ):
        await page.goto(href)
        words = await page.locator("input[name=description]").input_value()
        assert words in FIELDS
        await expect(page.locator("#content h2").first).to_have_text(words)
    await page.goto(href.replace("/change/", "/history/"))
    await expect(page.locator("#content")).to_contain_text(words)
    await page.goto("/admin/chat/assistant/?q=hostile")
    await delete_all(page, list(FIELDS))


async def test_names_of_tokens_are_only_text(visitors: Visitors, admin: Member) -> None:
    page = await (await administrator(visitors, admin)).page("/admin/chat/apitoken/add/")
    for words in FIELDS:
        await page.locator("select[name=owner]").evaluate(CHOOSE, admin.id)
        await page.locator("input[name=name]").fill(words)
        async with page.expect_navigation():
            await page.locator("input[name=_addanother]").click()
        await expect(page.locator(".messagelist .success")).to_be_visible()
    await page.goto("/admin/chat/apitoken/?q=x%3D1")
    for words in filter(lambda words: "x=1" in words, FIELDS):
        await expect(page.locator("#result_list")).to_contain_text(words)
    await page.locator("#action-toggle").check()
    await page.locator("select[name=action]").select_option("revoke")
    await page.locator("button[name=index]").click()
    await expect(page.locator(".messagelist")).to_contain_text("revoked")
    await page.locator("#result_list tbody th a").first.click()
    assert await page.locator("input[name=name]").input_value() in FIELDS
    await page.get_by_role("link", name="History").click()
    await expect(page.locator("#content")).to_contain_text("Revoked.")


async def delete_all(page: Page, names: list[str]) -> None:
    """On Django's confirmation page, which lists what will be deleted."""
    await page.locator("#action-toggle").check()
    await page.locator("select[name=action]").select_option("delete_selected")
    await page.locator("button[name=index]").click()
    for name in names:
        await expect(page.locator("#content")).to_contain_text(name)
    await page.locator("input[type=submit]").click()
    await expect(page.locator(".messagelist .success")).to_be_visible()


async def test_the_pages_of_the_api_are_under_the_same_policy(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    visitor.watch.allow(r"/api/docs", r"/api/openapi\.json")
    page = await visitor.page("/api/docs")
    await expect(page.locator("h1")).to_be_visible()
    await check(page)
    response = await page.goto("/api/openapi.json")
    assert response
    assert response.headers["content-type"].startswith("application/json")
