"""Stored scripts (S5): what a model does besides writing is shown as text only, in every field of every event."""

from __future__ import annotations

from typing import Final

from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.oracle import arrive, check

# Plays an answer in which every text is the payload. Returns texts that are shown differently, and other problems.
PLAY_EACH: Final = """async (payloads) => {
  const { LiveAnswer } = await import("/static/js/message/live_answer.js");
  await import("/static/js/message/failure_card.js");
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const messages = document.querySelector("#messages");
  const problems = new Set();
  const say = (what, text, payload) => problems.add(`${what}: ${JSON.stringify(text)} for ${JSON.stringify(payload)}`);

  const play = async (text) => {
    const answer = new LiveAnswer(text, { model: text });
    messages.append(answer.element);
    const { events, element } = answer;
    const all = (selector) => [...element.querySelectorAll(selector)].map((each) => each.textContent);
    const expects = (selector, ...texts) => {
      const found = all(selector);
      if (found.join("\\0") !== texts.join("\\0")) say(selector, found, texts);
      for (const what of window.wrongBelow(element)) say("oracle", what, text);
    };
    const call = (id, data) => ({ call_id: id, tool: text, ...data });

    events.status({ text, state: text });
    expects(".message__status", text);
    events.tool_start(call("1", { arguments: text }));
    events.tool_start(call("2", { arguments: { [text]: text, list: [text, { [text]: null }] } }));
    events.tool_start(call(text, { arguments: [text] }));
    events.tool_progress(call("1", { item: { index: text, title: text, snippet: text, score: text, url: text } }));
    events.tool_progress(call("1", { item: { title: { [text]: text }, snippet: [text] } }));
    events.tool_progress(call("1", { item: text }));
    events.tool_progress(call("1", { item: [text] }));
    expects(".tool__items b", text, JSON.stringify({ [text]: text }, null, 2));
    events.tool_result(call("1", { result: text, duration_ms: text }));
    events.tool_result(call("2", { result: { [text]: [text] }, duration_ms: 1 }));
    events.tool_error(call(text, { message: text, duration_ms: 1 }));
    expects(".tool__name", text, text, text);
    if (!all("[data-part=tool-result]").includes(text)) say("tool-result", all("[data-part=tool-result]"), text);

    const request = { title: text, arguments: { [text]: text, list: [text] }, reason: text, expires_at: text };
    for (const id of ["3", "4", "5"]) events.tool_start(call(id, request));
    events.approval_request(call("3", request));
    events.question(call("4", { text, choices: [text, text], allows_text: true }));
    expects("fieldset.asking__choices .button", text, text);
    events.approval(call("5", { decision: text, scope: text, note: text }));
    const line = all(".tool__decision").at(-1);
    if (text && !line.endsWith(`: ${text}`)) say("decision", line, text);

    events.agent_start({ agent: "a", name: text });
    events.agent_start({ agent: text });
    expects(".agent__name", text, text);
    events.status({ text, state: text, agent: "a" });
    events.reasoning({ text, agent: text });
    events.agent_done({ agent: text, status: text });
    const [state, end] = all(".agent__state");
    if (state !== text || !end.endsWith(`: ${text}`)) say("state of a member", [state, end], text);

    await events.reasoning({ text });
    await events.token({ text: "x" });
    await drawn();
    expects(".message__thoughts", text, text);
    answer.fail({ code: text, message: text, retryable: true });
    await drawn(); // The first card comes late.
    expects(".failure__detail", text);
    events.reset({ attempt: text, reason: text });
    answer.identify(text, text);
    await events.token({ text: "y" });
    const usage = { input_tokens: text, output_tokens: text };
    answer.finish({ message_id: "m", status: text, finish_reason: text, ttft_ms: text, duration_ms: text, usage });
    element.querySelector("[data-action=details]").click();
    expects(".message__label", text);
    const popover = document.querySelector("#answer-details");
    for (const what of window.wrongBelow(popover)) say("details", what, text);
    if (text.trim() && popover.querySelector("dd")?.textContent !== text) say("model", popover.textContent, text);
    popover.hidePopover();
    answer.close();
    element.remove();
  };

  for (const payload of payloads) await play(payload);
  return [...problems];
}"""

# Thoughts arrive in pieces and from several members at once: split at any index, they are still only text.
SPLIT_EACH: Final = """async (payloads) => {
  const { LiveAnswer } = await import("/static/js/message/live_answer.js");
  const messages = document.querySelector("#messages");
  const problems = new Set();
  let splits = 0;
  for (const payload of payloads) {
    const answer = new LiveAnswer("A team");
    messages.append(answer.element);
    answer.events.agent_start({ agent: "a", name: "a" });
    let expected = "";
    const pieces = [];
    for (let index = 1; index < payload.length; index += 1) {
      for (const text of [payload.slice(0, index), payload.slice(index), "\\n"]) {
        pieces.push({ text }, { text, agent: "a" });
      }
      expected += `${payload}\\n`;
      splits += 1;
    }
    await Promise.all(pieces.map((piece) => answer.events.reasoning(piece)));
    for (const thoughts of answer.element.querySelectorAll(".message__thoughts")) {
      if (thoughts.textContent !== expected) problems.add(`other words for ${JSON.stringify(payload)}`);
    }
    for (const what of window.wrongBelow(answer.element)) problems.add(`${what} for ${JSON.stringify(payload)}`);
    answer.close();
    answer.element.remove();
  }
  return [splits, [...problems]];
}"""


async def test_no_event_shows_more_than_text(visitors: Visitors, payloads: list[str]) -> None:
    tab = await (await arrive(visitors)).open()
    await tab.ask("Hello")
    await tab.has_loaded("answer_details")
    await tab.has_loaded("tool_call")
    assert await tab.page.evaluate(PLAY_EACH, payloads) == []
    await check(tab.page)


async def test_no_thought_is_more_than_text_wherever_it_is_split(visitors: Visitors, payloads: list[str]) -> None:
    tab = await (await arrive(visitors)).open()
    await tab.ask("Hello")
    splits, found = await tab.page.evaluate(SPLIT_EACH, payloads)
    assert found == []
    assert splits > 2000
    await expect(tab.answers).to_have_count(1)
