"""Django's admin in a real browser, under the site's Content Security Policy: any violation fails the test."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS, ADMIN_PATHS
from tests.faults.processes import Upstream
from tests.members import Member
from tests.tools.mcp.server import SECRET, McpServer

PAGES = (
    "/admin/",
    "/admin/chat/",
    "/admin/auth/group/add/",
    "/admin/chat/user/",
    "/admin/chat/user/add/",
    "/admin/chat/assistant/",
    "/admin/chat/assistant/add/",
    "/admin/chat/provideraccount/",
    "/admin/chat/provideraccount/add/",
    "/admin/chat/mcpserver/",
    "/admin/chat/mcpserver/add/",
    "/admin/chat/conversation/",
    "/admin/chat/apitoken/",
    "/admin/chat/apitoken/add/",
    "/admin/password_change/",
)


async def administrator(visitors: Visitors, admin: Member) -> Visitor:
    visitor = await visitors(admin)
    visitor.watch.allow(*ADMIN_PATHS)
    return visitor


async def save(page: Page) -> None:
    await page.locator("input[name=_save]").click()
    await expect(page.locator(".messagelist .success")).to_be_visible()


async def test_every_page_opens_without_a_violation(visitors: Visitors, admin: Member) -> None:
    visitor = await administrator(visitors, admin)
    page = await visitor.page("/admin/")
    for path in PAGES:
        response = await page.goto(path)
        assert response
        assert response.status == 200, path
        await expect(page.locator("#content")).to_be_visible()


async def test_an_assistant_is_created_edited_chosen_and_deleted(visitors: Visitors, admin: Member) -> None:
    visitor = await administrator(visitors, admin)
    page = await visitor.page("/admin/chat/assistant/add/")
    await page.locator("input[name=name]").press_sequentially("Patient Heron")
    await expect(page.locator("input[name=slug]")).to_have_value("patient-heron")
    await page.locator("select[name=provider]").select_option("openai")
    await page.locator("input[name=model]").fill("fake-small")
    await page.locator("textarea[name=instructions]").fill("You are a heron.")
    await save(page)

    await page.get_by_role("link", name="Patient Heron").first.click()
    await page.locator("input[name=description]").fill("Waits, then strikes.")
    await save(page)
    person = await visitors()
    tab = await person.open()
    await tab.choose_assistant("patient-heron")
    answer = await tab.ask("/echo")
    assert "You are a heron." in answer
    await expect(tab.answer.locator(".message__label")).to_have_text("Patient Heron · fake-small")

    await page.goto("/admin/chat/assistant/?q=patient-heron")
    await page.locator("input.action-select").check()
    await page.locator("select[name=action]").select_option("delete_selected")
    await page.locator("button[name=index]").click()
    await page.locator("input[type=submit]").click()
    await expect(page.locator(".messagelist .success")).to_be_visible()
    await tab.reload()
    await expect(tab.questions).to_have_text(["/echo"])


async def test_an_account_is_created_tested_used_and_kept_while_in_use(
    visitors: Visitors, admin: Member, upstream: Upstream
) -> None:
    visitor = await administrator(visitors, admin)
    page = await visitor.page("/admin/chat/provideraccount/add/")
    await page.locator("input[name=name]").press_sequentially("Heron Cloud")
    await expect(page.locator("input[name=slug]")).to_have_value("heron-cloud")
    await page.locator("select[name=kind]").select_option("openai")
    await page.locator("input[name=base_url]").fill(upstream.base_url)
    await page.locator("input[name=new_key]").fill("sk-0123456789abcdef")
    await page.locator("input[name=makes_assistants]").uncheck()
    await save(page)

    await page.get_by_role("link", name="Heron Cloud").first.click()
    assert "0123456789abcdef" not in await page.content()
    await expect(page.locator("input[name=new_key]")).to_have_value("")
    await page.get_by_role("button", name="Test").click()
    await expect(page.locator(".messagelist .success")).to_contain_text("It works")

    await page.goto("/admin/chat/assistant/add/")
    await page.locator("input[name=name]").press_sequentially("Cloudy Heron")
    await expect(page.locator("input[name=slug]")).to_have_value("cloudy-heron")
    await page.locator("select[name=provider]").select_option("heron-cloud")
    await page.locator("input[name=model]").fill("fake-small")
    await save(page)
    person = await visitors()
    tab = await person.open()
    await tab.choose_assistant("cloudy-heron")
    await tab.ask("Hello")
    await expect(tab.answer.locator(".message__label")).to_have_text("Cloudy Heron · fake-small")

    await page.goto("/admin/chat/provideraccount/?q=heron-cloud")
    await page.get_by_role("link", name="Heron Cloud").first.click()
    await page.get_by_role("link", name="Delete").click()
    await expect(page.locator(".messagelist .error")).to_contain_text("Cloudy Heron")


async def test_an_mcp_server_is_added_tested_and_accepted_without_a_restart(visitors: Visitors, admin: Member) -> None:
    visitor = await administrator(visitors, admin)
    async with McpServer() as server:
        page = await visitor.page("/admin/chat/mcpserver/add/")
        await page.locator("input[name=name]").press_sequentially("Heron Tools")
        await expect(page.locator("input[name=slug]")).to_have_value("heron-tools")
        await page.locator("input[name=url]").fill(server.url)
        await page.locator("textarea[name=new_headers]").fill(f"X-Team: {SECRET}")
        await save(page)

        await page.get_by_role("link", name="Heron Tools").first.click()
        assert SECRET not in await page.content()
        await page.get_by_role("button", name="Test").click()
        await expect(page.locator(".messagelist .success")).to_contain_text("It works: 1 tool")
        await expect(page.get_by_role("row", name="Say it again.")).to_be_visible()
        await page.get_by_role("checkbox", name="Accept echo").check()
        await page.get_by_role("button", name="Accept the ticked definitions").click()
        await expect(page.locator(".messagelist .success")).to_contain_text("Saved.")
        await expect(page.get_by_role("checkbox", name="Accept echo")).to_be_checked()

        # The site learns of it a moment later.
        async with asyncio.timeout(30):
            while True:
                await page.goto("/admin/chat/assistant/add/")
                if "Say it again." in await page.content():
                    break
    await page.goto("/admin/chat/mcpserver/?q=heron-tools")
    await expect(page.locator("#result_list")).to_contain_text("1 of 1 on")


async def test_a_transcript_is_read_only(visitors: Visitors, admin: Member) -> None:
    person = await visitors()
    tab = await person.open()
    await tab.ask("What is <b>bold</b>?")
    conversation_id = await tab.conversation_id()
    visitor = await administrator(visitors, admin)
    page = await visitor.page(f"/admin/chat/conversation/?q={conversation_id}")
    await page.locator("#result_list tbody th a").click()

    await expect(page.locator(".transcript__text")).to_have_text(
        ["What is <b>bold</b>?", "Hello! You said: What is <b>bold</b>?"]
    )
    assert await page.locator("#content-main").locator("input:not([type=hidden]), textarea, select").count() == 0
    await page.goto(f"/admin/chat/conversation/{conversation_id}/history/")
    await expect(page.locator("#content")).to_contain_text("Viewed.")


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(visitors: Visitors, admin: Member) -> None:
    visitor = await administrator(visitors, admin)
    page = await visitor.page("/admin/chat/apitoken/add/")
    await page.locator("input[name=name]").fill("laptop")
    await page.locator(".select2-selection").click()
    await page.locator(".select2-search__field").fill("guest149")
    await page.locator(".select2-results__option", has_text="guest149").click()
    await page.locator("input[name=_save]").click()
    warning = page.locator(".messagelist .warning")
    secret = re.sub(r".*: ", "", await warning.inner_text())

    async def status() -> int:
        bearer = {"Authorization": f"Bearer {secret}"}
        response = await visitor.context.request.get("/api/conversations", headers=bearer)
        return response.status

    assert await status() == 200
    await page.goto("/admin/chat/apitoken/?q=laptop")
    assert secret not in await page.content()
    await page.locator("input.action-select").first.check()
    await page.locator("select[name=action]").select_option("revoke")
    await page.locator("button[name=index]").click()
    await expect(page.locator(".messagelist")).to_contain_text("revoked")
    assert await status() == 401


async def test_groups_are_moved_between_the_two_lists(visitors: Visitors, admin: Member) -> None:
    visitor = await administrator(visitors, admin)
    page = await visitor.page("/admin/auth/group/add/")
    await page.locator("input[name=name]").fill("ornithologists")
    await page.locator("#id_permissions_from option", has_text="Can read other people").click()
    await page.locator("#id_permissions_add, #id_permissions_add_link").first.click()
    await expect(page.locator("#id_permissions_to option")).to_have_count(1)
    await save(page)


async def test_users_who_are_not_staff_are_denied_access(visitor: Visitor) -> None:
    visitor.watch.allow(*ADMIN_PATHS, *ACCOUNT_PATHS)
    visitor.watch.expect(r"console: .* 403 .*/admin/")
    page = await visitor.page("/admin/")
    await expect(page.locator("h1")).to_contain_text("Access denied")
