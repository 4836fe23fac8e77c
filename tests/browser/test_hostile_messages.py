"""Stored scripts (S5): messages, thoughts and errors are only shown as text, never executed or loaded."""

from __future__ import annotations

import json
from typing import Final

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.browser.conftest import Visitors
from tests.browser.oracle import arrive, check, wrong
from tests.browser.payloads import FIELDS, can_be_sent
from tests.browser.samples import scripted
from tests.browser.test_network import block_websockets
from tests.faults.processes import Site

SLICES: Final = 4
# What a careless script could do to a message and a page. Returns the outcome of the two worst attempts.
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
  document.querySelector("#conversation-title").append(document.createElement("b"));
  document.querySelector("#new-chat").setAttribute("href", "//evil.example/");
  return [attempt(() => (body.innerHTML = "<b>x</b>")), attempt(() => image.setAttribute("onerror", "__x=1"))];
}"""
# Draws each payload in two pieces, split at every index, in a message of the real page. Checks it after each piece.
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


async def test_the_watch_goes_off_where_payloads_work(visitors: Visitors, site: Site) -> None:
    """The negative control: without the policy, markup is executed, and the watch sees all of it."""
    visitor = await visitors(anonymous=True)
    page = await visitor.context.new_page()
    await page.set_content(
        f"<img src='{site.url}/x' onerror='__x=1'><script>alert(1)</script><img src='http://127.0.0.1:9/p'>"
    )
    await page.wait_for_load_state("load")
    await visitor.watch.sees(
        "executed",
        "dialog: alert 1",
        f"unexpected request: {site.url}/x",
        "request to elsewhere: http://127",
    )
    visitor.watch.expect("")


async def test_the_watch_goes_off_where_the_policy_has_to_help(visitors: Visitors) -> None:
    """The second control: markup that gets into the real page is harmless, but still a failure."""
    visitor = await arrive(visitors)
    tab = await visitor.open()
    await tab.ask("Hello")
    assert await tab.body.evaluate(PLANT) == ["TypeError", "TypeError"]
    await expect(tab.body.locator("img")).to_be_attached()
    assert await wrong(tab.page)
    await visitor.watch.sees(
        "oracle: <img>",
        "oracle: <b> among words",
        'oracle: <a href="//evil.example/"> in the page',
        "policy: img-src",
        "policy: require-trusted-types-for",
        "request to elsewhere",
    )
    assert "executed" not in "\n".join(visitor.watch.problems)
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


async def test_no_message_is_more_than_text_over_plain_http(visitors: Visitors, payloads: list[str]) -> None:
    """Its events take a different path, through different code."""
    visitor = await arrive(visitors)
    await block_websockets(visitor)
    tab = await visitor.open()
    sent = list(filter(can_be_sent, FIELDS)) + [payload for payload in payloads if can_be_sent(payload)][::SLICES]
    for payload in sent:
        await tab.ask(payload)
        await expect(tab.questions.last).to_have_text(payload)
        await tab.ask(scripted(payload, size=1, rate=300))
    await expect(tab.notice).to_contain_text("plain HTTP")
    await check(tab.page)


async def test_no_payload_is_more_than_text_wherever_it_is_split(visitors: Visitors, payloads: list[str]) -> None:
    tab = await (await arrive(visitors)).open()
    splits, found = await tab.page.evaluate(EVERY_SPLIT, [payload for payload in payloads if can_be_sent(payload)])
    assert found == []
    assert splits > 2000


async def test_thoughts_and_errors_are_only_text(visitors: Visitors) -> None:
    """Messages are modified after they leave the server, so its own checks do not help."""
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
