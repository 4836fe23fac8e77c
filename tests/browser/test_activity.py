"""The page shows what a model does besides writing, tools and team members, from scripted events."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import expect

from tests.browser.scripted_events import CALL, DONE, drawn, end, play, reload, saved
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor


async def opened(visitor: Visitor) -> Tab:
    tab = await visitor.open()
    await tab.ask("Hello")
    return tab


async def test_a_tool_shows_its_progress_and_result(visitor: Visitor) -> None:
    tab = await opened(visitor)
    item = {"index": 1, "title": "The grey heron", "snippet": "It waits.", "score": 0.9, "url": "https://example.org/"}
    await play(tab, ("tool_start", CALL), ("tool_progress", {"call_id": "c1", "tool": "search", "item": item}))
    tool = tab.answer.locator(".tool")
    await expect(tool).to_have_attribute("data-state", "running")
    await expect(tool).to_contain_text("1 result")

    await play(tab, ("tool_result", {"call_id": "c1", "tool": "search", "result": "One page.", "duration_ms": 420}))
    await expect(tool).to_have_attribute("data-state", "done")
    await expect(tool.locator(".tool__state")).to_have_text("1 result · 0.42 s")
    await tool.locator("summary").click()
    for words in ("herons", "The grey heron", "It waits.", "One page."):
        await expect(tool).to_contain_text(words)
    await expect(tool.locator("a")).to_have_count(0)


async def test_failed_and_unfinished_tools_are_marked(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await play(
        tab,
        ("tool_start", CALL),
        ("tool_start", CALL | {"call_id": "c2"}),
        ("tool_error", {"call_id": "c1", "tool": "search", "message": "No index", "duration_ms": 10}),
        ("tool_error", {"call_id": "unknown", "tool": "search", "message": "?", "duration_ms": 10}),
        ("token", {"text": "I could not look."}),
    )
    await end(tab)
    await expect(tab.answer.locator(".tool__state")).to_have_text(["Failed · 0.01 s", "Not finished"])
    await expect(tab.body).to_have_text("I could not look.")


async def test_each_member_of_a_team_has_a_lane(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await play(
        tab,
        ("agent_start", {"agent": "a", "name": "Researcher"}),
        ("agent_start", {"agent": "b", "name": "<b>Writer</b>"}),
        ("status", {"text": "Reading two pages…", "state": "reading", "agent": "a"}),
        ("tool_start", CALL | {"agent": "a"}),
        ("reasoning", {"text": "Which first?", "agent": "b"}),
    )
    lanes = tab.answer.locator(".agent")
    await expect(lanes.locator(".agent__name")).to_have_text(["Researcher", "<b>Writer</b>"])
    await expect(lanes.first.locator(".agent__state")).to_have_text("Reading two pages…")
    await expect(lanes.first.locator(".tool")).to_have_count(1)
    await expect(lanes.last.locator(".message__thoughts")).to_have_text("Which first?")

    await play(tab, ("agent_done", {"agent": "a", "status": "completed"}), ("token", {"text": "Mine.", "agent": "b"}))
    await expect(lanes.locator(".agent__state")).to_have_text(["Done", "Writing…"])
    # A member's text is shown in its lane and is not part of the answer.
    await play(tab, ("token", {"text": "Done."}))
    await expect(tab.body).to_have_text(["Mine.", "Done."])
    await expect(lanes.last.locator(".message__body")).to_have_text("Mine.")
    assert await tab.page.evaluate("window.answer.text") == "Done."
    await play(tab, ("reset", {"attempt": 2, "reason": "lost"}))
    await expect(lanes).to_have_count(0)
    await expect(tab.body).to_have_count(0)


ANSWERED: Final = (
    ("reasoning", {"text": "Let me see.", "duration_ms": 2400}),
    ("token", {"text": "I **look**:\n\n- here\n- there\n\n"}),
    ("tool_start", CALL),
    (
        "tool_progress",
        {"call_id": "c1", "tool": "search", "item": {"title": "The grey heron", "snippet": "It waits."}},
    ),
    ("tool_result", {"call_id": "c1", "tool": "search", "result": {"found": 1}, "duration_ms": 420}),
    ("token", {"text": "One page. "}),
    ("reasoning", {"text": "Not enough.", "duration_ms": 1200}),
    ("tool_start", CALL | {"call_id": "c2"}),
    ("tool_error", {"call_id": "c2", "tool": "search", "message": "No index", "duration_ms": 10}),
    ("agent_start", {"agent": "a1", "name": "Researcher"}),
    ("token", {"text": "I found *two*.", "agent": "a1"}),
    ("agent_done", {"agent": "a1", "status": "completed"}),
    ("tool_start", CALL | {"call_id": "c3"}),
    ("token", {"text": "It waits."}),
)
# The same as GET …/messages returns it.
PARTS: Final = (
    {"kind": "reasoning", "text": "Let me see.", "duration_ms": 2400},
    {"kind": "text", "text": "I **look**:\n\n- here\n- there\n\n"},
    {
        **CALL,
        "kind": "tool_call",
        "state": "done",
        "items": [{"title": "The grey heron", "snippet": "It waits."}],
        "result": {"found": 1},
        "message": "",
        "duration_ms": 420,
    },
    {"kind": "text", "text": "One page. "},
    {"kind": "reasoning", "text": "Not enough.", "duration_ms": 1200},
    {
        **CALL,
        "kind": "tool_call",
        "call_id": "c2",
        "state": "failed",
        "items": [],
        "result": None,
        "message": "No index",
        "duration_ms": 10,
    },
    {"kind": "member", "agent": "a1", "name": "Researcher", "status": "completed"},
    {"kind": "text", "text": "I found *two*.", "agent": "a1"},
    {
        **CALL,
        "kind": "tool_call",
        "call_id": "c3",
        "state": "running",
        "items": [],
        "result": None,
        "message": "",
        "duration_ms": None,
    },
    {"kind": "text", "text": "It waits."},
)


async def test_parts_are_ordered_by_their_start(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await play(tab, *ANSWERED)
    await end(tab)
    parts = tab.answer.locator("[data-part=parts] > *")
    names = ["message__reasoning", "message__body", "tool", "message__body", "message__reasoning", "tool", "agent"]
    await expect(parts).to_have_class([re.compile(rf"\b{name}\b") for name in [*names, "tool", "message__body"]])
    await expect(tab.answer.locator("[data-part=thinking-title]")).to_have_text(
        ["Thought for 2 seconds", "Thought for 1 second"]
    )
    # Only the answer itself is copied.
    text = "I **look**:\n\n- here\n- there\n\nOne page. It waits."
    assert await tab.page.evaluate("window.answer.element.source") == text


async def test_a_saved_answer_looks_like_the_streamed_one(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await play(tab, *ANSWERED)
    await end(tab)
    watched = await drawn(tab)

    assert await saved(tab, PARTS, DONE["status"]) == watched


@pytest.mark.parametrize("count", range(1, len(ANSWERED), 2))
async def test_a_reload_in_mid_answer_shows_the_same(visitor: Visitor, count: int) -> None:
    tab = await opened(visitor)
    await play(tab, *ANSWERED[:count])
    watched = await drawn(tab)
    await reload(tab)
    await play(tab, *ANSWERED[:count])
    assert await drawn(tab) == watched

    await play(tab, *ANSWERED[count:])
    await end(tab)
    assert await drawn(tab) == await saved(tab, PARTS, DONE["status"])


async def test_a_call_opens_by_keyboard_and_its_state_is_announced(visitor: Visitor) -> None:
    tab = await opened(visitor)
    spoken = tab.page.locator("#announcer")
    await play(tab, ("tool_start", CALL))
    await expect(spoken).to_have_text("search is running")
    summary = tab.answer.locator(".tool summary")
    await summary.focus()
    await tab.page.keyboard.press("Enter")
    given = tab.answer.get_by_role("group", name="Arguments")
    await expect(given).to_contain_text("herons")
    await tab.page.keyboard.press("Tab")
    await expect(given).to_be_focused()
    await expect(tab.answer.get_by_role("group", name="Result")).to_have_count(0)

    await play(tab, ("tool_result", {"call_id": "c1", "tool": "search", "result": "One page.", "duration_ms": 420}))
    await expect(tab.answer.get_by_role("group", name="Result")).to_have_text("One page.")
    await expect(spoken).to_have_text("search is done")


LINES: Final = "".join(f"Line {number}.\n\n" for number in range(60))
TOP: Final = "(element) => element.getBoundingClientRect().top"


async def test_an_open_call_stays_in_place_while_the_answer_grows(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await play(tab, ("token", {"text": LINES}), ("tool_start", CALL), ("token", {"text": "After."}))
    await tab.page.evaluate("() => document.querySelector('chat-transcript').showLatest()")
    tool = tab.answer.locator(".tool")
    await expect(tool).to_be_in_viewport(ratio=1)
    before = await tool.evaluate(TOP)
    await tool.locator("summary").click()
    await expect(tool.locator("[data-part=tool-arguments]")).to_be_visible()
    await play(tab, ("token", {"text": LINES}))
    assert await tool.evaluate(TOP) == pytest.approx(before, abs=1)


async def test_a_result_in_an_open_call_does_not_move_the_text(visitor: Visitor) -> None:
    tab = await opened(visitor)
    await play(tab, ("tool_start", CALL), ("token", {"text": LINES}))
    tool = tab.answer.locator(".tool")
    await tool.locator("summary").click()
    line = tab.body.get_by_text("Line 30.", exact=True).first
    await line.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
    # The user has scrolled up, so the page does not follow the end.
    await tab.scroller.hover()
    await tab.page.mouse.wheel(0, -20)
    await tab.page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 300))")
    before = await line.evaluate(TOP)

    result = {"call_id": "c1", "tool": "search", "result": "word\n" * 10, "duration_ms": 420}
    await play(tab, ("tool_result", result), ("token", {"text": LINES}))
    await expect(tool.locator("[data-part=tool-result]")).to_contain_text("word")
    assert await line.evaluate(TOP) == pytest.approx(before, abs=1)


async def test_a_page_stays_usable_if_parts_alternate_word_by_word(visitor: Visitor) -> None:
    tab = await opened(visitor)
    pieces = [(name, {"text": f"{number} "}) for number in range(1500) for name in ("reasoning", "token")]
    await play(tab, ("tool_start", CALL), *pieces)
    await end(tab)

    await expect(tab.answer.locator("[data-part=parts] > *")).to_have_count(3)
    await expect(tab.body).to_have_text("".join(f"{number} " for number in range(1500)).strip())
    assert await tab.page.evaluate("window.answer.text.length") == sum(len(f"{number} ") for number in range(1500))
