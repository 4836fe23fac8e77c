"""Properties of parts (chat/protocol/parts.py), and the fixtures that the page's code is also tested with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.protocol import events
from chat.protocol.events import Entry, Event, merge
from chat.protocol.parts import Folder, Member, Part, Reasoning, Text, ToolCall, fold, text_of, unfold

FIXTURES = json.loads((Path(__file__).parent / "parts.json").read_text("utf-8"))
law = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
AGENTS = ("", "a1", "a2")
KINDS = ("token", "token", "reasoning", "thought", "start", "progress", "end", "person", "person", "member")

texts = st.text(min_size=1, max_size=8)
agents = st.sampled_from(AGENTS)
milliseconds = st.integers(min_value=0, max_value=10_000)
objects = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2)


@st.composite
def _approvals(draw: st.DrawFn, named: dict[str, str]) -> Event:
    if draw(st.booleans()):
        asked = {"title": "Search", "arguments": draw(objects), "reason": "policy", "expires_at": draw(texts)}
        return Event("approval_request", {**named, **asked})
    note = draw(st.sampled_from([{}, {"note": "Not this one."}]))
    return Event("approval", {**named, "decision": draw(st.sampled_from(["allow", "deny"])), "scope": "once", **note})


@st.composite
def _questions(draw: st.DrawFn, named: dict[str, str]) -> Event:
    return Event("question", {**named, "text": draw(texts), "choices": draw(st.lists(texts)), "allows_text": True})


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Any possible log of a run: every event, in every order that can occur."""
    said: list[Event] = []
    calls: list[tuple[str, str, str]] = []
    begun: list[str] = []
    for number in range(draw(st.integers(min_value=0, max_value=20))):
        agent = draw(agents)
        own = {"agent": agent} if agent else {}
        kind = draw(st.sampled_from(KINDS))
        if kind == "token":
            said.append(Event("token", {"text": draw(texts), **own}))
        elif kind == "reasoning":
            said.append(Event("reasoning", {"text": draw(texts), **own}))
        elif kind == "thought":
            said.append(Event("reasoning", {"text": draw(texts), "duration_ms": draw(milliseconds), **own}))
        elif kind == "start":
            calls.append((f"c{number}", draw(texts), agent))
            named = {"call_id": calls[-1][0], "tool": calls[-1][1]}
            known = draw(st.sampled_from([{}, {"title": "Search"}, {"side_effects": True}]))
            said.append(Event("tool_start", {**named, "arguments": draw(objects), **known, **own}))
        elif kind in ("progress", "end") and calls:
            call_id, tool, its = draw(st.sampled_from(calls))
            named = {"call_id": call_id, "tool": tool, **({"agent": its} if its else {})}
            if kind == "progress":
                said.append(Event("tool_progress", {**named, "item": draw(objects)}))
            elif draw(st.booleans()):
                said.append(
                    Event("tool_result", {**named, "result": draw(objects), "duration_ms": draw(milliseconds)})
                )
            else:
                known = draw(st.sampled_from([{}, {"code": "timeout"}]))
                failed = {"message": draw(texts), "duration_ms": draw(milliseconds)}
                said.append(Event("tool_error", {**named, **failed, **known}))
        elif kind == "person" and calls:
            call_id, tool, its = draw(st.sampled_from(calls))
            named = {"call_id": call_id, "tool": tool, **({"agent": its} if its else {})}
            # A tool either asks for permission or asks a question.
            said.append(draw(_approvals(named) if int(call_id[1:]) % 2 else _questions(named)))
        elif kind == "member":
            handle = f"m{number}"
            begun.append(handle)
            said.append(Event("agent_start", {"agent": handle, "name": draw(texts)}))
            if draw(st.booleans()):
                said.append(Event("agent_done", {"agent": handle, "status": "completed"}))
    for _ in range(draw(st.integers(min_value=0, max_value=2))):
        place = draw(st.integers(min_value=0, max_value=len(said)))
        said.insert(
            place, draw(st.sampled_from([events.reset(1, "thought"), events.status("Searching…", "searching")]))
        )
    return said


def entries_of(said: Sequence[Event]) -> list[Entry]:
    return [Entry(number, event.name, event.data) for number, event in enumerate(said, start=1)]


@law
@given(logs())
def test_parts_survive_unfolding_and_folding(said: list[Event]) -> None:
    parts = fold(entries_of(said))

    assert fold(entries_of(list(unfold(parts)))) == parts


@law
@given(logs())
def test_merged_events_give_the_same_parts(said: list[Event]) -> None:
    assert fold(merge(entries_of(said))) == fold(entries_of(said))


@law
@given(logs(), st.lists(st.integers(min_value=0, max_value=20), max_size=4))
def test_folding_in_several_steps_gives_the_same_parts(said: list[Event], cuts: list[int]) -> None:
    entries = entries_of(said)
    folder = Folder()
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(entries)], strict=True):
        for entry in entries[begin:end]:
            folder.add(entry.name, entry.data)
        # Reading `parts` midway changes nothing.
        assert folder.parts == fold(entries[:end]) or begin > end

    assert folder.parts == fold(entries)


@law
@given(logs())
def test_a_reset_clears_all_parts(said: list[Event]) -> None:
    assert fold(entries_of([*said, events.reset(2, "unknown_cursor")])) == []
    assert fold(entries_of([*said, events.reset(2, "unknown_cursor"), *said])) == fold(entries_of(said))


@law
@given(logs())
def test_the_text_is_every_token_of_no_agent_since_the_last_reset(said: list[Event]) -> None:
    expected: list[str] = []
    for event in said:
        if event.name == "reset":
            expected.clear()
        elif event.name == "token" and "agent" not in event.data:
            expected.append(event.data["text"])

    assert text_of(fold(entries_of(said))) == "".join(expected) == events.answer(entries_of(said))


@law
@given(logs())
def test_plain_means_that_text_is_the_only_part(said: list[Event]) -> None:
    folder = Folder()
    for event in said:
        folder.add(event.name, event.data)

    assert folder.is_plain is (folder.parts in ([], [Text(text_of(folder.parts))]))


def test_a_long_text_is_complete() -> None:
    folder = Folder()
    for number in range(5_000):
        folder.add("token", {"text": f"{number} "})

    assert text_of(folder.parts) == "".join(f"{number} " for number in range(5_000))


@pytest.mark.parametrize("case", FIXTURES, ids=[case["name"] for case in FIXTURES])
def test_the_fixtures(case: dict[str, Any]) -> None:
    entries = [Entry(number, name, data) for number, (name, data) in enumerate(case["events"], start=1)]

    assert [described(part) for part in fold(entries)] == case["parts"]
    assert [[event.name, event.data] for event in unfold(fold(entries))] == case["unfolded"]


def described(part: Part) -> dict[str, Any]:
    """The part in the form of the fixtures."""
    own = {"agent": part.agent} if part.agent else {}
    match part:
        case Text():
            return {"kind": "text", "text": part.text, **own}
        case Reasoning():
            return {"kind": "reasoning", "text": part.text, "duration_ms": part.duration_ms, **own}
        case ToolCall():
            return {
                "kind": "tool_call",
                "call_id": part.call_id,
                "tool": part.tool,
                "title": part.title,
                "side_effects": part.side_effects,
                "arguments": part.arguments,
                "state": part.state,
                "items": list(part.items),
                "result": part.result,
                "message": part.message,
                "code": part.code,
                "duration_ms": part.duration_ms,
                **({"approval": part.approval} if part.approval is not None else {}),
                **({"question": part.question} if part.question is not None else {}),
                **own,
            }
        case Member():
            return {"kind": "member", "agent": part.agent, "name": part.name, "status": part.status}
