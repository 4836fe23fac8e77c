"""A failed question can be found again: in the sidebar, at its URL, after a restart, in another browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import SETTINGS, Visitors
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import NOT_SAVED_YET
from tests.faults.processes import Site, Upstream
from tests.members import prepare

QUESTION = "/flaky-404 times=1 message=Not_today"
# A different text, because the model counts repeated questions.
LATER = "/flaky-404 times=1 message=Not_now"


@pytest.fixture
def own_site(tmp_path: Path, upstream: Upstream) -> Iterator[Site]:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    site = Site(data_dir, prepare(data_dir), OPENAI_BASE_URL=upstream.base_url, **SETTINGS)
    try:
        site.start()
        yield site
    finally:
        site.stop()
        shutil.rmtree(data_dir)


def mark(tab: Tab, conversation_id: str) -> Locator:
    return tab.row(conversation_id).locator("[data-part=unanswered]")


async def test_a_failed_first_question_survives_a_restart_in_any_browser(own_site: Site, visitors: Visitors) -> None:
    alice = own_site.cast["alice"]
    visitor = await visitors(alice, url=own_site.url)
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send(QUESTION)
    await expect(tab.failure).to_contain_text("Not today")
    conversation_id = await tab.conversation_id()
    await expect(mark(tab, conversation_id)).to_be_visible()
    await tab.page.close()
    own_site.stop()
    own_site.start()

    other = await visitors(alice, url=own_site.url)
    other.watch.expect(NOT_SAVED_YET)
    tab = await other.open()
    await expect(mark(tab, conversation_id)).to_be_visible()
    await expect(tab.row(conversation_id)).to_contain_text("/flaky-404")
    await tab.row(conversation_id).locator("a").click()
    await expect(tab.questions).to_have_text([QUESTION])
    await expect(tab.failure).to_contain_text("Not today")
    await tab.reload()
    await expect(tab.questions).to_have_text([QUESTION])

    await tab.failure.locator("[data-action=retry]").click()
    await tab.ended()
    assert await tab.conversation_id() == conversation_id
    await expect(mark(tab, conversation_id)).to_be_hidden()
    await tab.reload()
    await expect(tab.questions).to_have_text([QUESTION])
    await expect(tab.failure).to_have_count(0)
    await expect(tab.rows).to_have_count(1)
    assert own_site.rows("SELECT count(*) FROM chat_unansweredquestion") == [(0,)]


async def test_a_failed_later_question_survives_a_restart(own_site: Site, visitors: Visitors) -> None:
    visitor = await visitors(own_site.cast["alice"], url=own_site.url)
    tab = await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.send(LATER)
    await expect(tab.failure).to_be_visible()
    await tab.page.close()
    own_site.stop()
    own_site.start()

    tab = await visitor.open(f"/c/{conversation_id}")
    await expect(tab.questions).to_have_text(["Hello", LATER])
    await expect(mark(tab, conversation_id)).to_be_visible()
    await tab.failure.locator("[data-action=retry]").click()
    await tab.ended()
    await expect(mark(tab, conversation_id)).to_be_hidden()
    await tab.reload()
    await expect(tab.questions).to_have_text(["Hello", LATER])
    await expect(tab.failure).to_have_count(0)


async def test_dismissing_removes_it_everywhere_and_its_text_can_be_restored(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send("/status-404")
    await expect(tab.failure).to_be_visible()
    conversation_id = await tab.conversation_id()
    other = await visitor.open(f"/c/{conversation_id}")
    await expect(other.failure).to_be_visible()
    await tab.hold_toast()

    await tab.failure.locator("[data-action=dismiss]").click()

    for each in (tab, other):
        await expect(each.page.locator("#app")).to_have_attribute("data-view", "empty")
        await expect(each.row(conversation_id)).to_have_count(0)
    await expect(tab.toast).to_contain_text("Question dismissed")
    await tab.toast.locator("[data-action=undo]").click()
    await expect(tab.box).to_have_value("/status-404")
    await tab.box.fill("")
    await tab.reload()
    await expect(tab.row(conversation_id)).to_have_count(0)


async def test_a_failed_first_question_can_be_deleted_from_the_sidebar(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send("/status-404")
    await expect(tab.failure).to_be_visible()
    conversation_id = await tab.conversation_id()
    await tab.row(conversation_id).hover()
    await tab.row(conversation_id).locator("[data-action=menu]").click()
    items = tab.page.locator("#conversation-menu [data-action]:visible")
    await expect(items).to_have_text([re.compile("Delete")])
    await items.click()

    await expect(tab.row(conversation_id)).to_have_count(0)
    await expect(tab.toast).to_contain_text("Deleted")
    await expect(tab.toast.locator("[data-action=undo]")).to_be_hidden()
    await tab.reload()
    await expect(tab.row(conversation_id)).to_have_count(0)


async def test_two_consecutive_failed_questions_are_both_kept(visitor: Visitor) -> None:
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    for text in ("/status-404 one", "/status-404 two"):
        await tab.send(text)
        await expect(tab.failure.last).to_be_visible()
        await expect(tab.send_button).to_be_visible()
    await expect(tab.questions).to_have_text(["/status-404 one", "/status-404 two"])
    await expect(tab.failure).to_have_count(2)
    await tab.reload()
    await expect(tab.questions).to_have_text(["/status-404 one", "/status-404 two"])
    await expect(tab.failure).to_have_count(2)
    await expect(tab.rows).to_have_count(1)
