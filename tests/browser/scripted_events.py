"""Events of a run that no model has sent, played into an answer of the real page."""

from __future__ import annotations

from typing import Any, Final

from tests.browser.tab import Tab

# The answer stays, so that more can follow.
PLAY: Final = """async (events) => {
  const { LiveAnswer } = await import("/static/js/message/live_answer.js");
  window.answer ??= new LiveAnswer("A team");
  document.querySelector("#messages").append(window.answer.element);
  for (const [name, data] of events) await window.answer.events[name]?.(data);
}"""
END: Final = "(done) => window.answer.finish(done)"
CALL: Final = {"call_id": "c1", "tool": "search", "arguments": {"query": "herons"}}


async def play(tab: Tab, *events: tuple[str, dict[str, Any]]) -> None:
    await tab.page.evaluate(PLAY, [list(event) for event in events])


async def end(tab: Tab) -> None:
    await tab.page.evaluate(END, {"message_id": "m", "status": "completed", "finish_reason": "stop"})
