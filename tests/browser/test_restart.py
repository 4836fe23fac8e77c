"""A single-process site that dies in mid-answer: the page keeps the question, and offers to send it again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import SETTINGS, Visitors
from tests.browser.watch import NO_NETWORK, NOT_SAVED_YET
from tests.faults.invariants import check_whole_turns
from tests.faults.processes import Site, Upstream
from tests.members import prepare

PROMPT = "/hold after=20 count=150"
# The run died with its process, and so did the conversation that it would have started.
GONE = r"console: .* 404 .*/(api/(conversations|runs)|c)/"

# The message box's drafts are stored under other names.
NO_COPIES = """() => !Object.keys(localStorage).some((name) => name.startsWith("chatsite.outbox"))"""


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


async def test_a_message_without_an_answer_can_be_sent_again(
    own_site: Site, visitors: Visitors, upstream: Upstream
) -> None:
    visitor = await visitors(own_site.cast["alice"], url=own_site.url)
    visitor.watch.expect(*NO_NETWORK, NOT_SAVED_YET, GONE)
    tab = await visitor.open()
    await tab.send(PROMPT)
    await tab.numbers(20)
    own_site.kill()
    own_site.start()

    await tab.failure.locator("[data-action=retry]").click()
    # Wait first: the lost answer had the same 20 pieces.
    await tab.answering()
    await tab.numbers(20)
    upstream.release()
    await tab.ended()
    words = (await tab.text()).split()
    assert [int(word.rpartition(":")[2]) for word in words] == list(range(1, 151))
    await expect(tab.questions).to_have_text([PROMPT])
    await expect(tab.answers).to_have_count(1)
    await tab.reload()
    await expect(tab.questions).to_have_text([PROMPT])
    await expect(tab.answers).to_have_count(1)
    check_whole_turns(own_site)
    assert own_site.rows("SELECT count(*) FROM chat_message") == [(2,)]


async def test_a_lost_message_can_be_sent_again_after_a_reload(
    own_site: Site, visitors: Visitors, upstream: Upstream
) -> None:
    visitor = await visitors(own_site.cast["alice"], url=own_site.url)
    visitor.watch.expect(*NO_NETWORK, NOT_SAVED_YET, GONE)
    tab = await visitor.open()
    await tab.send(PROMPT)
    await tab.numbers(20)
    await tab.conversation_id()
    own_site.kill()
    own_site.start()
    await tab.reload()

    await expect(tab.questions).to_have_text([PROMPT])
    await expect(tab.failure).to_contain_text("interrupted")
    assert own_site.rows("SELECT count(*) FROM chat_message") == [(0,)]
    # It waits until the user asks for it.
    await tab.reload()
    await tab.failure.locator("[data-action=retry]").click()
    # Wait first: the lost answer had the same 20 pieces.
    await tab.answering()
    await tab.numbers(20)
    upstream.release()
    await tab.ended()
    words = (await tab.text()).split()
    assert [int(word.rpartition(":")[2]) for word in words] == list(range(1, 151))
    await tab.reload()
    await expect(tab.questions).to_have_text([PROMPT])
    await expect(tab.answers).to_have_count(1)
    await expect(tab.failure).to_have_count(0)
    check_whole_turns(own_site)
    assert own_site.rows("SELECT count(*) FROM chat_message") == [(2,)]


async def test_a_lost_message_can_be_moved_back_to_the_box(own_site: Site, visitors: Visitors) -> None:
    visitor = await visitors(own_site.cast["alice"], url=own_site.url)
    visitor.watch.expect(*NO_NETWORK, NOT_SAVED_YET, GONE)
    tab = await visitor.open()
    await tab.ask("Hello")
    await tab.send(PROMPT)
    await tab.numbers(20)
    own_site.kill()
    own_site.start()
    await tab.reload()

    await expect(tab.questions).to_have_text(["Hello", PROMPT])
    await tab.failure.locator("[data-action=return]").click()
    await expect(tab.box).to_have_value(PROMPT)
    # At once, and after the time in which pages look for messages of closed tabs.
    await tab.reload()
    await expect(tab.questions).to_have_text(["Hello"])
    await tab.page.wait_for_function(NO_COPIES)
    await expect(tab.questions).to_have_text(["Hello"])
    assert own_site.rows("SELECT count(*) FROM chat_message") == [(2,)]
