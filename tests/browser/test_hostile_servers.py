"""Stored scripts (S5): the page shows whatever a server sends as text, even what the real one would not send."""

from __future__ import annotations

import json
from typing import Final

from playwright.async_api import WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.hostile_server import TELL, HostileServer, id_of
from tests.browser.oracle import arrive, check
from tests.browser.payloads import FIELDS, can_be_sent
from tests.browser.signing_out import sign_in_dialog
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor
from tests.browser.watch import UUID

REFUSED: Final = rf"console: .* 400 .*/api/conversations/{UUID}"
TEXTS: Final = "(all) => all.map((element) => element.textContent)"
# Opens each conversation in turn, and compares the text in every place that shows it.
OPEN_EACH: Final = """async (conversations) => {
  const problems = [];
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const look = (selector) => document.querySelector(selector)?.textContent;
  for (const [id, text, answerId] of conversations) {
    const row = document.querySelector(`.conversation[data-conversation-id="${id}"]`);
    row.querySelector("[data-action=open]").click();
    const answer = () => document.querySelector(`#messages [data-message-id="${answerId}"]`);
    while (!answer() || document.querySelector("#messages").getAttribute("aria-busy") === "true") await frame();
    const shown = {
      row: row.querySelector(".conversation__title").textContent,
      heading: look("#conversation-title"),
      title: look("title").replace(/ · Chatsite$/, ""),
      question: look('.message[data-role="user"] .message__body'),
      name: answer().querySelector(".message__label").textContent,
    };
    for (const [place, found] of Object.entries(shown)) {
      if (found !== text) problems.push(`${place}: ${found} for ${text}`);
    }
    const more = row.querySelector("[data-action=menu]").getAttribute("aria-label");
    if (!more.includes(text)) problems.push(`label of the menu: ${more} for ${text}`);
    for (const what of window.wrongBelow(document.documentElement)) problems.push(`${what} for ${text}`);
  }
  return problems;
}"""


async def hostile_tab(visitors: Visitors, payloads: list[str]) -> tuple[Visitor, HostileServer, Tab]:
    visitor = await arrive(visitors)
    server = HostileServer(dict.fromkeys(filter(can_be_sent, payloads)))
    await server.start(visitor.context)
    return visitor, server, await visitor.open()


async def test_conversations_are_only_text(visitors: Visitors, payloads: list[str]) -> None:
    _, server, tab = await hostile_tab(visitors, payloads)
    await expect(tab.rows).to_have_count(len(server.payloads))
    opened = [[each, text, id_of("answer", text)] for each, text in server.conversations.items()]
    assert await tab.page.evaluate(OPEN_EACH, opened) == []
    await tab.page.emulate_media(media="print")
    await check(tab.page)


async def test_assistant_names_are_only_text(visitors: Visitors, payloads: list[str]) -> None:
    _, server, tab = await hostile_tab(visitors, payloads)
    await tab.page.locator("#assistant-picker button").click()
    options = tab.page.locator("#assistant-list [role=option]")
    await expect(options).to_have_count(len(server.payloads))
    for name in ("name", "description"):
        shown = await options.locator(f"[data-part=option-{name}]").evaluate_all(TEXTS)
        assert shown == server.payloads
    await check(tab.page)
    for number, payload in ((1, server.payloads[1]), (len(server.payloads) - 1, server.payloads[-1])):
        await tab.page.locator(f"#assistant-hostile-{number}").click()
        assert await tab.assistant.text_content() == payload
        await tab.page.locator("#assistant-picker button").click()
    await tab.page.locator("#assistant-picker input").fill(FIELDS[0])
    await expect(options.first).to_contain_text(FIELDS[0])
    await check(tab.page)


async def test_search_results_are_only_text(visitors: Visitors, payloads: list[str]) -> None:
    _, server, tab = await hostile_tab(visitors, payloads)
    await tab.page.keyboard.press("Control+k")
    recent = tab.page.locator("#palette .palette__label")
    await expect(recent.first).to_be_visible()
    await tab.page.keyboard.type("x")
    hits = tab.page.locator("#palette [role=option][data-message]")
    await expect(hits).to_have_count(len(server.payloads))
    for name, before in (("label", ""), ("snippet", "You: ")):
        shown = await hits.locator(f"[data-part={name}]").evaluate_all(TEXTS)
        assert shown == [before + payload for payload in server.payloads]
    assert await hits.locator("mark").count() == 2 * len(server.payloads)
    await check(tab.page)
    await tab.page.locator("#palette-field").fill("".join(FIELDS))
    await check(tab.page)


async def test_error_messages_are_only_text(visitors: Visitors) -> None:
    visitor, server, tab = await hostile_tab(visitors, list(FIELDS))
    visitor.watch.expect(REFUSED)
    await tab.hold_toast()
    for conversation_id, text in server.conversations.items():
        await tab.press_row(conversation_id, "pin")
        await expect(tab.toast.locator("[data-part=text]")).to_have_text(text)
    for conversation_id, text in server.conversations.items():
        await tab.press_row(conversation_id, "delete")
        await expect(tab.toast).to_contain_text(text)
    await tab.toast.locator("[data-action=undo]").click()
    await expect(tab.toast.locator("[data-part=text]")).to_have_text(text)
    await check(tab.page)


async def test_errors_of_unreadable_lists_are_only_text(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    visitor.watch.expect(r"console: .* 400 .*/api/", r"console: chat: could not refresh the list")
    words = "".join(FIELDS)
    error = {"error": {"code": words, "message": words, "retryable": False}}
    for path in ("**/api/conversations?*", "**/api/search*"):
        await visitor.context.route(path, lambda route: route.fulfill(status=400, json=error))
    await visitor.context.add_init_script(TELL.replace("TOLD", "{}"))
    page = await visitor.page("/")
    await expect(page.locator("#conversations [data-part=problem-text]")).to_have_text(words)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("x")
    await expect(page.locator("#palette [data-part=status]")).to_have_text(words)
    await check(page)


async def test_socket_messages_are_only_text(visitors: Visitors) -> None:
    """Errors, notices, and events of runs that were never started."""
    visitor = await arrive(visitors)
    words = iter(FIELDS)

    async def refuse(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def answer(message: str | bytes) -> None:
            frame = json.loads(message)
            if frame["type"] != "send":
                return server.send(message)
            said = next(words)
            refusal = {"type": "error", "ref": frame["ref"], "code": said, "message": said, "retryable": False}
            socket.send(json.dumps(refusal))
            for kind in ("conversation_renamed", "conversation_created", said):
                conversation = {"id": id_of(said), "title": said, "updated_at": said, "pinned": said, "unread": True}
                notice = {"kind": kind, "conversation": conversation, "conversation_id": said, "run_id": said}
                socket.send(json.dumps({"type": "notice", **notice, "title": said}))
            begun = {"run_id": id_of(said, "run"), "conversation_id": id_of(said, "begun"), "cursor": said}
            socket.send(json.dumps({"type": "notice", "kind": "run_started", **begun, "title": said}))
            return None

        socket.on_message(answer)

    await visitor.context.route_web_socket("**/ws/chat", refuse)
    tab = await visitor.open()
    for text in FIELDS:
        await tab.send(text)
        await expect(tab.hint).to_contain_text(text)
        await expect(tab.box).to_have_value(text)
        for conversation_id in (id_of(text), id_of(text, "begun")):
            await expect(tab.row(conversation_id).locator(".conversation__title")).to_have_text(text)
    await check(tab.page)


async def test_sign_in_errors_are_only_text(visitors: Visitors) -> None:
    visitor = await arrive(visitors)
    visitor.watch.allow(r"/accounts/login/")
    visitor.watch.expect(r"console: .* 400 .*/accounts/login/")
    problems = {"form": {"errors": list(FIELDS), "fields": {FIELDS[0]: {"errors": [FIELDS[1]]}}}}

    tab = await visitor.open()
    await tab.page.route("**/accounts/login/", lambda route: route.fulfill(status=400, json=problems))
    dialog = await sign_in_dialog(visitor, tab)
    await dialog.locator("input[name=password]").fill(FIELDS[0])
    await dialog.locator("input[name=password]").press("Enter")
    await expect(dialog.locator("[role=alert]")).to_have_text(" ".join([*FIELDS, FIELDS[1]]))
    await check(tab.page)
