"""What a model does besides writing is shown: tools, and the members of a team, from events that are scripted here."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.scripted_events import CALL, end, play
from tests.browser.tab import Tab
from tests.browser.visitor import Visitor


async def opened(visitor: Visitor) -> Tab:
    tab = await visitor.open()
    await tab.ask("Hello")
    return tab


async def test_a_tool_shows_what_it_finds_and_what_came_of_it(visitor: Visitor) -> None:
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


async def test_a_tool_that_fails_or_never_ends_says_so(visitor: Visitor) -> None:
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
    # What a member writes is no part of the answer.
    await play(tab, ("token", {"text": "Done."}))
    await expect(tab.body).to_have_text("Done.")
    await play(tab, ("reset", {"attempt": 2, "reason": "lost"}))
    await expect(lanes).to_have_count(0)
    await expect(tab.body).to_have_text("")
