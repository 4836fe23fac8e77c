"""Stored scripts (S5): nothing that a person or a model writes is executed, loaded or drawn as anything but text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import HOSTILE, Visitors
from tests.browser.payloads import FIELDS, corpus
from tests.browser.samples import scripted
from tests.browser.visitor import Visitor
from tests.browser.watch import ADMIN_PATHS
from tests.faults.processes import Member, Site

ORACLE: Final = (Path(__file__).parent / "oracle.js").read_text()
SLICES: Final = 4
WRONG: Final = "() => window.wrongBelow(document.documentElement)"
# What a careless script could do to a message. Returns what became of the two worst.
PLANT: Final = """(body) => {
  const attempt = (act) => {
    try {
      return act() ?? "done";
    } catch (error) {
      return error.name;
    }
  };
  const image = document.createElement("img");
  image.setAttribute("src", "http://127.0.0.1:9/p");
  body.append(image);
  const link = document.createElement("a");
  link.setAttribute("href", "javascript:__x=1");
  body.append(link);
  link.click();
  return [attempt(() => (body.innerHTML = "<b>x</b>")), attempt(() => image.setAttribute("onerror", "__x=1"))];
}"""
# Each payload in two pieces, cut at each index, in a message of the real page; what is drawn is looked at after each.
EVERY_SPLIT: Final = """async (payloads) => {
  const { MarkdownStream } = await import("/static/js/markdown/stream.js");
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const message = document.querySelector("#messages").appendChild(document.createElement("div"));
  message.dataset.role = "assistant";
  const wrong = new Set();
  let splits = 0;
  for (const payload of payloads) {
    for (let index = 1; index <= payload.length; index += 1) {
      const body = message.appendChild(document.createElement("div"));
      body.className = "message__body";
      const stream = new MarkdownStream(body);
      for (const piece of [payload.slice(0, index), payload.slice(index)]) {
        stream.push(piece);
        for (const what of window.wrongBelow(body)) wrong.add(`${what} of ${JSON.stringify(payload)} at ${index}`);
      }
      stream.finish();
      for (const what of window.wrongBelow(body)) wrong.add(`${what} of ${JSON.stringify(payload)} at its end`);
      splits += 1;
    }
    await drawn();
    message.replaceChildren();
  }
  await drawn();
  return [splits, [...wrong]];
}"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def payloads(chromium: Browser) -> list[str]:
    return await corpus(chromium)


async def arrive(visitors: Visitors, person: Member | None = None, **options: Any) -> Visitor:
    """With an eye on the page itself, beside the watch on what it does."""
    visitor = await visitors(person, **options)
    await visitor.context.add_init_script(ORACLE)
    return visitor


async def administrator(visitors: Visitors, admin: Member) -> Visitor:
    """Django's own pages are drawn otherwise: the watch alone judges them."""
    visitor = await visitors(admin)
    visitor.watch.allow(*ADMIN_PATHS)
    return visitor


async def check(page: Page) -> None:
    assert await page.evaluate(WRONG) == []


def can_be_sent(text: str) -> bool:
    return not re.search("[\0\ud800-\udfff]", text) and bool(text.strip())


async def test_the_watch_goes_off_where_payloads_work(visitors: Visitors, site: Site) -> None:
    """The negative control: without the policy, markup is executed, and all of it is seen."""
    visitor = await visitors(anonymous=True)
    page = await visitor.context.new_page()
    await page.set_content(
        f"<img src='{site.url}/x' onerror='__x=1'><script>alert(1)</script><img src='http://127.0.0.1:9/p'>"
    )
    await page.wait_for_load_state("load")
    found = "\n".join(visitor.watch.problems)
    for expected in (
        "executed",
        "dialog: alert 1",
        f"unexpected request: {site.url}/x",
        "request to elsewhere: http://127",
    ):
        assert expected in found
    visitor.watch.expect("")


async def test_the_watch_goes_off_where_the_policy_has_to_help(visitors: Visitors) -> None:
    """The second one: markup that got into the real page is harmless, and still a failure."""
    visitor = await arrive(visitors)
    tab = await visitor.open()
    await tab.ask("Hello")
    assert await tab.body.evaluate(PLANT) == ["TypeError", "TypeError"]
    await expect(tab.body.locator("img")).to_be_attached()
    assert await tab.page.evaluate(WRONG)
    found = "\n".join(visitor.watch.problems)
    for expected in ("oracle: <img>", "policy: img-src", "policy: require-trusted-types-for", "request to elsewhere"):
        assert expected in found
    assert "executed" not in found
    visitor.watch.expect("")


@pytest.mark.parametrize("number", range(SLICES))
async def test_no_message_is_more_than_text(visitors: Visitors, payloads: list[str], number: int) -> None:
    sent = [payload for payload in payloads if can_be_sent(payload)][number::SLICES]
    assert len(sent) > 10
    visitor = await arrive(visitors)
    tab = await visitor.open()
    for payload in sent:
        await tab.ask(payload)
        await expect(tab.questions.last).to_have_text(payload)
        await tab.ask(scripted(payload, size=10_000))
        await tab.ask(scripted(payload, size=1, rate=300))
    await check(tab.page)
    turns = await tab.answers.count()
    await tab.reload()
    await expect(tab.answers.last).to_be_visible()
    await check(tab.page)
    assert turns == 3 * len(sent)


async def test_no_payload_is_more_than_text_wherever_it_is_split(visitors: Visitors, payloads: list[str]) -> None:
    tab = await (await arrive(visitors)).open()
    splits, wrong = await tab.page.evaluate(EVERY_SPLIT, [payload for payload in payloads if can_be_sent(payload)])
    assert wrong == []
    assert splits > 2000


async def test_thoughts_and_errors_are_only_text(visitors: Visitors) -> None:
    """Past the server's own care: what it says is changed on its way."""
    visitor = await arrive(visitors)
    words = iter(FIELDS)

    async def poison(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def send_on(message: str | bytes) -> None:
            frame = json.loads(message)
            for event in frame.get("events", ()):
                said = next(words) if event["event"] in {"error", "start"} else FIELDS[0]
                fields = {"error": "message", "reasoning": "text", "start": "model"}
                if field := fields.get(event["event"]):
                    event["data"][field] = said
            socket.send(json.dumps(frame))

        server.on_message(send_on)

    await visitor.context.route_web_socket("**/ws/chat", poison)
    tab = await visitor.open()
    for model, error in zip(FIELDS[::2], FIELDS[1::2], strict=True):
        await tab.send("/error after=1")
        await expect(tab.failure.last.locator(".failure__detail")).to_have_text(error)
        await expect(tab.answer.locator(".message__label")).to_contain_text(model)
    words = iter(FIELDS)
    await tab.ask("/think count=3")
    await tab.answer.locator("summary").click()
    await expect(tab.answer.locator(".message__thoughts")).to_contain_text(FIELDS[0])
    await check(tab.page)


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
    await expect(page.locator("#content")).to_contain_text("Read.")
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
        await tab.page.locator("#assistant-picker select").select_option(slug)
        # The instructions are in the answer itself.
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


async def delete_all(page: Page, names: list[str]) -> None:
    """By Django's page that names what will be deleted, and asks."""
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
