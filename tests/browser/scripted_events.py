"""Plays scripted run events into an answer on the real page, without a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from tests.browser.tab import Tab

# The answer is kept, so that more events can follow.
PLAY: Final = """async (events) => {
  const { LiveAnswer } = await import("/static/js/message/live_answer.js");
  window.answer ??= new LiveAnswer("A team");
  document.querySelector("#messages").append(window.answer.element);
  await Promise.all(events.map(([name, data]) => window.answer.events[name]?.(data)));
}"""
END: Final = "(done) => window.answer.finish(done)"
RELOAD: Final = "() => { window.answer.close(); window.answer.element.remove(); delete window.answer; }"
# Without what differs each time: an unfinished thought shows how long it has taken so far.
DRAWN: Final = """() => document.querySelector("chat-message:last-child [data-part=parts]").innerHTML
  .replaceAll(/Thinking… \\d+ s/g, "Thinking…")"""
# The same message as drawn from the API's response.
SAVED: Final = """async (message) => {
  const { savedMessage } = await import("/static/js/message/saved_message.js");
  const { Siblings } = await import("/static/js/message/siblings.js");
  const element = savedMessage(message, { assistants: [], siblings: new Siblings() });
  document.querySelector("#messages").append(element);
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}"""
DONE: Final = {"message_id": "m", "status": "completed", "finish_reason": "stop"}
CALL: Final = {"call_id": "c1", "tool": "search", "arguments": {"query": "herons"}}


async def play(tab: Tab, *events: tuple[str, dict[str, Any]]) -> None:
    await tab.page.evaluate(PLAY, [list(event) for event in events])


async def end(tab: Tab) -> None:
    await tab.page.evaluate(END, DONE)


async def reload(tab: Tab) -> None:
    """Removes the answer. The next events start a new one."""
    await tab.page.evaluate(RELOAD)


async def drawn(tab: Tab) -> str:
    """The markup of the parts of the last answer."""
    return str(await tab.page.evaluate(DRAWN))


async def saved(tab: Tab, parts: Iterable[dict[str, Any]], status: str) -> str:
    """The markup of a saved answer with these parts."""
    parts = list(parts)
    text = "".join(part["text"] for part in parts if part["kind"] == "text" and "agent" not in part)
    message = {"id": "s", "parent_id": None, "role": "assistant", "text": text, "parts": parts, "status": status}
    await tab.page.evaluate(SAVED, message)
    return await drawn(tab)
