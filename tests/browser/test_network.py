"""A network that fails or blocks WebSockets: the answer is complete, and shown once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Route, WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.samples import ENDLESS
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import NO_NETWORK, NOT_SAVED_YET
from tests.faults.processes import Site, Upstream
from tests.faults.proxy import Proxy, proxy
from tests.ports import closed_port

COUNT = 80
# The first part comes immediately, the others when the test releases them.
IN_PARTS = f"/hold after=20 step=20 count={COUNT}"


@asynccontextmanager
async def no_network(visitor: Visitor, wire: Proxy) -> AsyncIterator[None]:
    """Cuts open connections, and lets no new ones through."""
    visitor.watch.expect(*NO_NETWORK)
    there, wire.target = wire.target, closed_port()
    await wire.close()
    yield
    wire.target = there


async def block_websockets(visitor: Visitor) -> None:
    """Like a proxy that accepts the upgrade and then closes the connection."""

    async def cut(socket: WebSocketRoute) -> None:
        await socket.close()

    visitor.watch.expect(NO_NETWORK[0])
    await visitor.context.route_web_socket("**/ws/chat", cut)


async def written(upstream: Upstream, prompt: str, count: int) -> None:
    """Waits until the model has written this many pieces, whether or not the page has them."""
    async with asyncio.timeout(60):
        while len((await asyncio.to_thread(upstream.exchanges, prompt))[-1]["sent"]) < count:
            await asyncio.sleep(0.05)


def check_numbers(text: str, count: int) -> None:
    words = text.split()
    assert [int(word.rpartition(":")[2]) for word in words] == list(range(1, count + 1))


async def test_an_answer_continues_after_a_network_outage(visitors: Visitors, site: Site, upstream: Upstream) -> None:
    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        visitor.watch.expect(NOT_SAVED_YET)
        tab = await visitor.open()
        await tab.send(IN_PARTS)
        await tab.numbers(20)

        async with no_network(visitor, wire):
            await expect(tab.notice).to_contain_text("No connection")
            upstream.release()
            await written(upstream, IN_PARTS, 40)
            # The page cannot know.
            await tab.numbers(20)
            await expect(tab.answer).to_have_attribute("data-state", "streaming")
        await tab.numbers(40)
        await expect(tab.notice).to_have_count(0)
        upstream.release()
        await tab.numbers(60)
        upstream.release()
        await tab.ended()

        text = await tab.text()
        check_numbers(text, COUNT)
        await tab.reload()
        assert await tab.text() == text
        await visitor.leave()


async def test_a_short_disconnect_shows_no_notice(visitors: Visitors, site: Site, upstream: Upstream) -> None:
    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        visitor.watch.expect(*NO_NETWORK)
        tab = await visitor.open()
        await tab.send(IN_PARTS)
        for count in range(20, COUNT, 20):
            await tab.numbers(count)
            async with tab.page.expect_websocket():
                await wire.close()
            upstream.release()
            await tab.numbers(count + 20)
            await expect(tab.notice).to_have_count(0)
        await tab.ended()

        check_numbers(await tab.text(), COUNT)
        await visitor.leave()


async def test_a_message_written_offline_is_sent_once(visitors: Visitors, site: Site) -> None:
    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        tab = await visitor.open()
        async with no_network(visitor, wire):
            await tab.send("Are you there?")
            await expect(tab.questions).to_have_text(["Are you there?"])
        await tab.ended()

        assert await tab.text() == "Hello! You said: Are you there?"
        await expect(tab.questions).to_have_count(1)
        page = await visitor.api("GET", f"/api/conversations/{await tab.conversation_id()}/messages")
        assert len(page["items"]) == 2
        await visitor.leave()


async def test_lazy_modules_are_available_offline(visitor: Visitor) -> None:
    visitor.watch.expect(*NO_NETWORK)
    tab = await visitor.open()
    await tab.ask("Hello")
    for module in ("question_editor", "palette", "assistant_menu", "answer_details", "conversation_menu"):
        await tab.has_loaded(module)
    await visitor.context.set_offline(True)

    await tab.page.locator('.message[data-role="user"] [data-action=edit]').click()
    await expect(tab.page.locator(".editor textarea")).to_have_value("Hello")
    await tab.page.keyboard.press("Escape")
    await tab.page.keyboard.press("Control+K")
    await expect(tab.page.locator("#palette [role=option]").first).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await tab.page.locator("#assistant-picker button").click()
    await expect(tab.page.locator("#assistant-fake-small")).to_be_visible()
    await tab.page.keyboard.press("Escape")
    await tab.answer.locator("[data-action=details]").click()
    await expect(tab.page.locator("#answer-details")).to_contain_text("fake-large")
    await tab.page.keyboard.press("Escape")
    await tab.press_row(await tab.conversation_id(), "rename")
    await expect(tab.row(await tab.conversation_id()).locator("input[name=title]")).to_be_focused()


async def test_messages_sent_offline_before_a_reload_are_sent_once(visitors: Visitors, site: Site) -> None:
    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        tab = await visitor.open()
        await tab.ask("Hello")
        conversation_id = await tab.conversation_id()
        async with no_network(visitor, wire):
            await visitor.context.set_offline(True)
            await tab.send("Are you there?")
            await expect(tab.notice).to_contain_text("You are offline")
            await expect(tab.questions).to_have_count(2)
        # The page is closed before the network is back.
        await tab.page.goto("about:blank")
        await visitor.context.set_offline(False)
        await tab.go(f"/c/{conversation_id}")
        await expect(tab.answers).to_have_count(2)
        await tab.ended()

        await expect(tab.questions).to_have_text(["Hello", "Are you there?"])
        assert await tab.text() == "Hello! You said: Are you there?"
        page = await visitor.api("GET", f"/api/conversations/{conversation_id}/messages")
        assert len(page["items"]) == 4
        await visitor.leave()


async def test_messages_of_a_closed_tab_are_sent_once(visitors: Visitors, site: Site) -> None:
    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        closed, kept = await visitor.open(), await visitor.open()
        await closed.ask("Hello")
        conversation_id = await closed.conversation_id()
        async with no_network(visitor, wire):
            await visitor.context.set_offline(True)
            await closed.send("Are you there?")
            await expect(closed.questions).to_have_count(2)
            await kept.send("And I?")
            await expect(kept.questions).to_have_count(1)
            await closed.page.close()
            await visitor.context.set_offline(False)
        # It also finds the other tab's message, but that tab has to send it.
        again = await visitor.open(f"/c/{conversation_id}")
        await expect(again.answers).to_have_count(2)
        await again.ended()
        await kept.ended()

        await expect(again.questions).to_have_text(["Hello", "Are you there?"])
        assert await again.text() == "Hello! You said: Are you there?"
        assert await kept.text() == "Hello! You said: And I?"
        found = await visitor.api("GET", "/api/conversations")
        assert len(found["items"]) == 2
        for conversation, messages in ((conversation_id, 4), (await kept.conversation_id(), 2)):
            page = await visitor.api("GET", f"/api/conversations/{conversation}/messages")
            assert len(page["items"]) == messages
        assert await again.page.evaluate("Object.keys(localStorage).filter((key) => key.includes('outbox'))") == []
        await visitor.leave()


async def test_new_conversations_of_several_closed_tabs_stay_apart(visitors: Visitors, site: Site) -> None:
    async with proxy(site.port) as wire:
        visitor = await visitors(url=f"http://127.0.0.1:{wire.port}")
        tabs = [await visitor.open(), await visitor.open()]
        async with no_network(visitor, wire):
            await visitor.context.set_offline(True)
            for number, tab in enumerate(tabs):
                await tab.send(f"Number {number}")
                await expect(tab.questions).to_have_count(1)
                await tab.page.close()
            await visitor.context.set_offline(False)
        again = await visitor.open()
        await expect(again.rows).to_have_count(2)
        await expect(again.page.locator(".conversation__live:visible")).to_have_count(0)

        await expect(again.questions).to_have_count(0)
        for conversation in (await visitor.api("GET", "/api/conversations"))["items"]:
            page = await visitor.api("GET", f"/api/conversations/{conversation['id']}/messages")
            assert len(page["items"]) == 2
        await visitor.leave()


async def test_an_unsent_message_of_a_deleted_conversation_becomes_a_draft(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.go("/")
    await visitor.api("DELETE", f"/api/conversations/{conversation_id}")
    await store_unsent_message(visitor, tab, conversation_id)

    await tab.reload()
    await expect(tab.box).to_have_value("Are you there?")
    await tab.reload()
    await expect(tab.box).to_have_value("Are you there?")


async def test_a_closed_tabs_message_is_sent_while_its_conversation_loads(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Hello")
    conversation_id = await tab.conversation_id()
    await tab.go("/")
    await store_unsent_message(visitor, tab, conversation_id)
    asked = asyncio.Event()

    async def read_late(route: Route) -> None:
        await asked.wait()
        await route.continue_()

    await tab.page.route("**/messages?*", read_late)
    await tab.reload()
    await tab.row(conversation_id).locator("a").click()
    # No open tab has claimed the message, so this one takes it over.
    await tab.page.wait_for_function("() => !Object.keys(localStorage).some((key) => key.endsWith('closed-tab'))")
    asked.set()

    await expect(tab.answers).to_have_count(2)
    await tab.ended()
    await expect(tab.questions).to_have_text(["Hello", "Are you there?"])
    assert await tab.conversation_id() == conversation_id
    assert len((await visitor.api("GET", "/api/conversations"))["items"]) == 1


async def test_an_unconfirmed_but_answered_message_is_shown_once(visitor: Visitor) -> None:
    tab = await visitor.open()
    await tab.ask("Are you there?")
    conversation_id = await tab.conversation_id()
    _, question = (await visitor.api("GET", f"/api/conversations/{conversation_id}/messages"))["items"]
    await store_unsent_message(visitor, tab, conversation_id, question["client_message_id"])

    await tab.reload()
    await tab.page.wait_for_function("() => !Object.keys(localStorage).some((key) => key.includes('outbox'))")

    await expect(tab.answers).to_have_count(1)
    await expect(tab.questions).to_have_text(["Are you there?"])


async def store_unsent_message(visitor: Visitor, tab: Tab, conversation_id: str, sent_as: str | None = None) -> None:
    """Stores what a closed tab leaves behind if it could not send, or got no reply."""
    assert visitor.person
    message_id = sent_as or str(uuid.uuid4())
    entry = {"clientMessageId": message_id, "text": "Are you there?", "conversationId": conversation_id}
    key = f"chatsite.outbox.{visitor.person.id}.of-a-closed-tab"
    store = "([key, entry]) => localStorage.setItem(key, JSON.stringify([{ ...entry, queuedAt: Date.now() }]))"
    await tab.page.evaluate(store, [key, entry])


async def test_without_websockets_nothing_is_sent_in_another_users_session(visitors: Visitors) -> None:
    alice, charlie = await visitors(), await visitors()
    assert charlie.person
    await block_websockets(alice)
    alice.watch.expect(r"console: .* 403 .*/api/")
    tab = await alice.open()
    await expect(tab.notice).to_contain_text("plain HTTP")
    await alice.context.add_cookies([{"name": "sessionid", "value": charlie.person.session, "url": alice.url}])

    await tab.send("For my eyes")
    await expect(tab.page.locator("#user-menu-button")).to_contain_text(charlie.name)
    await tab.loaded()

    assert (await charlie.api("GET", "/api/runs"))["items"] == []
    await expect(tab.questions).to_have_count(0)


async def test_without_websockets_the_answer_comes_by_plain_http(visitor: Visitor, upstream: Upstream) -> None:
    await block_websockets(visitor)
    tab = await visitor.open()
    await expect(tab.notice).to_have_attribute("data-tone", "quiet")
    await expect(tab.notice).to_contain_text("plain HTTP")

    await tab.send("/hold after=20 count=100")
    await tab.numbers(20)
    await expect(tab.answer).to_have_attribute("data-state", "streaming")
    upstream.release()
    await tab.ended()

    text = await tab.text()
    check_numbers(text, 100)
    await tab.reload()
    assert await tab.text() == text


async def test_without_websockets_reload_resumes_and_stop_works(visitor: Visitor) -> None:
    await block_websockets(visitor)
    visitor.watch.expect(NOT_SAVED_YET)
    tab = await visitor.open()
    await tab.send(ENDLESS)
    early = await tab.text_beyond(100)
    await tab.reload()
    later = await tab.text_beyond(len(early) + 50)
    assert later.startswith(early)
    await tab.stop_button.click()
    await tab.ended("stopped")

    text = await tab.text()
    check_numbers(text, len(text.split()))
    page = await visitor.api("GET", f"/api/conversations/{await tab.conversation_id()}/messages")
    assert page["items"][0]["text"].strip() == text


async def test_without_websockets_another_tab_is_notified(visitor: Visitor) -> None:
    await block_websockets(visitor)
    first, second = await visitor.open(), await visitor.open()
    await first.ask("Hello")
    conversation_id = await first.conversation_id()

    await expect(second.row(conversation_id)).to_contain_text("Hello")
    await second.go(f"/c/{conversation_id}")
    await second.send("And again")
    await expect(first.answers).to_have_count(2)
    await first.ended()
    assert await first.text() == "Hello! You said: And again"
