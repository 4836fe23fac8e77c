"""Stored scripts (S5): what the browser has stored, and what a user edits and copies, is only text."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, Final

from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.hostile_server import id_of
from tests.browser.oracle import arrive, check
from tests.browser.payloads import FIELDS, can_be_sent
from tests.browser.samples import scripted
from tests.browser.visitor import Visitor

LONG_AFTER: Final = 4_000_000_000_000
STORE: Final = """([where, key, value]) => window[where].setItem(key, value)"""
COPIED: Final = """async () => Promise.all((await navigator.clipboard.read()).flatMap((item) =>
  item.types.map(async (type) => [type, await (await item.getType(type)).text()])))"""


async def kept(visitor: Visitor, stored: dict[str, tuple[str, Any]]) -> Page:
    """A tab that finds stored data. `stored`: by key, the storage and the value."""
    page = await visitor.page("/manifest.webmanifest")
    for key, (where, value) in stored.items():
        await page.evaluate(STORE, [where, key, value if isinstance(value, str) else json.dumps(value)])
    await page.goto("/")
    await expect(page.locator("#app")).to_have_attribute("data-view", "conversation")
    return page


async def no_connection(visitor: Visitor) -> None:
    """Unsent messages stay unsent."""

    async def silence(socket: WebSocketRoute) -> None:
        socket.on_message(lambda _: None)

    await visitor.context.route_web_socket("**/ws/chat", silence)


async def test_unsent_messages_are_only_text(visitors: Visitors, payloads: list[str]) -> None:
    visitor = await arrive(visitors)
    await no_connection(visitor)
    assert visitor.person
    sent = list(dict.fromkeys(filter(can_be_sent, payloads)))
    outbox = [
        {"clientMessageId": id_of(text), "text": text, "assistant": text, "parentId": text, "queuedAt": LONG_AFTER}
        for text in sent
    ]
    draft = {"text": "".join(FIELDS), "at": LONG_AFTER}
    page = await kept(
        visitor,
        {
            f"chatsite.outbox.{visitor.person.id}": ("sessionStorage", outbox),
            f"chatsite.draft.{visitor.person.id}.new": ("localStorage", draft),
            f"chatsite.assistant.{visitor.person.id}": ("localStorage", FIELDS[0]),
        },
    )
    questions = page.locator('.message[data-role="user"] .message__body')
    await expect(questions).to_have_count(len(sent))
    assert await questions.evaluate_all("(all) => all.map((question) => question.textContent)") == sent
    box = page.locator("#composer-text")
    await expect(box).to_have_value("".join(FIELDS))
    await check(page)

    await page.locator(".failure:visible [data-action=return]").last.click()
    await expect(questions).to_have_count(len(sent) - 1)
    await expect(box).to_have_value(f"{sent[-1]}\n\n{''.join(FIELDS)}")
    await check(page)


async def test_malformed_stored_data_is_ignored(visitors: Visitors) -> None:
    """Written by an older version, or by anyone with access to the device."""
    visitor = await arrive(visitors)
    await no_connection(visitor)
    assert visitor.person
    good = {"clientMessageId": id_of("good"), "text": "Still here", "queuedAt": LONG_AFTER}
    bad: list[Any] = [None, 1, FIELDS[0], [FIELDS[0]], {"text": FIELDS[0]}, {"clientMessageId": {}, "text": {}}]
    page = await kept(
        visitor,
        {
            f"chatsite.outbox.{visitor.person.id}": ("sessionStorage", [*bad, good]),
            f"chatsite.draft.{visitor.person.id}.new": ("localStorage", {"text": {FIELDS[0]: 1}, "at": FIELDS[0]}),
            f"chatsite.draft.{visitor.person.id}.{FIELDS[0]}": ("localStorage", FIELDS[0]),
        },
    )
    await expect(page.locator('.message[data-role="user"] .message__body')).to_have_text(["Still here"])
    await expect(page.locator("#composer-text")).to_have_value("")
    await check(page)


async def test_edited_and_copied_messages_are_only_text(visitors: Visitors) -> None:
    visitor = await arrive(visitors, permissions=["clipboard-read", "clipboard-write"])
    tab = await visitor.open()
    texts = ["".join(FIELDS), FIELDS[0], f"{FIELDS[1]}\n\n{FIELDS[2]}"]
    await tab.ask(texts[0])
    question = tab.page.locator('.message[data-role="user"]').last
    for before, text in pairwise(texts):
        await question.hover()
        await question.locator("[data-action=edit]").click()
        editor = tab.page.locator(".editor textarea")
        await expect(editor).to_have_value(before)
        await check(tab.page)
        await editor.fill(text)
        await editor.press("Control+Enter")
        await expect(tab.questions).to_have_text([text])
        await tab.ended()
    await question.locator("[data-action=version-back]").click()
    await expect(tab.questions).to_have_text([texts[1]])
    await check(tab.page)

    for text in (FIELDS[0], "**b** [a](javascript:__x=1) `<img src=x onerror=__x=1>`"):
        await tab.ask(scripted(text, size=500))
        await tab.answer.hover()
        await tab.answer.locator("[data-action=copy]").click()
        await expect(tab.answer.locator("[data-action=copy]")).to_have_attribute("data-copied", "")
        assert await tab.page.evaluate(COPIED) == [["text/plain", text]]
    await tab.ask(scripted(f"```html\n{FIELDS[0]}\n```", size=500))
    await tab.body.locator("[data-action=copy-code]").click()
    await expect(tab.body.locator("[data-action=copy-code]")).to_have_attribute("data-outcome", "copied")
    assert await tab.page.evaluate(COPIED) == [["text/plain", FIELDS[0]]]


async def test_an_opened_image_is_only_an_image(visitors: Visitors) -> None:
    """With scripts in its alternative text, in its URL and in the image itself."""
    visitor = await arrive(visitors)
    visitor.watch.allow("/image")
    visitor.watch.expect(r"request to elsewhere: https://pictures\.example/", r"console: Blocked script execution")
    asked: list[str] = []
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="parent.__x=1">'
        "<script>parent.__x=1</script><image href='https://pictures.example/inner.png'/></svg>"
    )

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(content_type="image/svg+xml", body=drawing)

    await visitor.context.route("https://pictures.example/**", answer)
    tab = await visitor.open()
    address = 'https://pictures.example/"onload="__x=1'
    await tab.ask(scripted(f'![{FIELDS[2]} " onload=__x=1](<{address}>)', size=500))
    await tab.body.locator("[data-action=load-image]").click()
    picture = tab.body.frame_locator("iframe").locator("img")
    await expect(picture).to_have_js_property("naturalWidth", 9)
    assert asked == ["https://pictures.example/%22onload=%22__x=1"]
    assert await tab.body.frame_locator("iframe").locator("img, script, svg").count() == 1
    await check(tab.page)
