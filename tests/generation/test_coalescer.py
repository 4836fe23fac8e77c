"""The coalescer's output folds to the same parts as its input, in as few events as possible."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.generation.coalescer import Coalescer
from chat.protocol import events
from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event
from chat.protocol.parts import fold
from chat.protocol.previews import EVENT_BYTES, size
from chat.streams.base import Appended
from tests.protocol.test_parts import entries_of, logs

law = settings(
    max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


class Written:
    """Stands in for a log: keeps the appended events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def append(self, run_id: str, added: Sequence[Event], *, token: int) -> Appended:
        self.events += added
        return Appended(Cursor("epochabc", len(self.events)), False)

    @property
    def entries(self) -> list[Entry]:
        return entries_of(self.events)


def coalescer(log: Written) -> Coalescer:
    return Coalescer(log, "run", 1)  # type: ignore[arg-type]


@law
@given(logs(), st.sets(st.integers(min_value=0, max_value=25)))
async def test_it_folds_to_the_same_parts(said: list[Event], flushes: set[int]) -> None:
    log = Written()
    merging = coalescer(log)
    for number, event in enumerate(said):
        merging.add(event)
        if number in flushes:
            await merging.flush()
    await merging.flush()

    assert fold(log.entries) == fold(entries_of(said))


async def test_agents_writing_concurrently_get_one_event_each() -> None:
    log = Written()
    merging = coalescer(log)
    for number in range(300):
        merging.add_text("token", f"{number} ", agent=f"a{number % 3}")
    await merging.flush()

    assert [(event.name, event.data["agent"]) for event in log.events] == [("token", f"a{n}") for n in range(3)]
    assert log.events[1].data["text"] == "".join(f"{number} " for number in range(1, 300, 3))


async def test_the_answer_has_no_agent() -> None:
    log = Written()
    merging = coalescer(log)
    merging.add(events.token("Hel"))
    merging.add_text("token", "lo")
    await merging.flush()

    assert log.events == [Event("token", {"text": "Hello"})]


async def test_a_call_stays_after_the_text_before_it() -> None:
    log = Written()
    merging = coalescer(log)
    merging.add_text("token", "before")
    merging.add(Event("tool_start", {"call_id": "c1", "tool": "t", "arguments": {}}))
    merging.add_text("token", "after")
    await merging.flush()

    assert [event.name for event in log.events] == ["token", "tool_start", "token"]


@pytest.mark.parametrize("name", ["tool_result", "tool_progress", "status"])
async def test_a_long_event_is_shortened(name: str) -> None:
    log = Written()
    merging = coalescer(log)
    merging.add(Event(name, {"call_id": "c1", "tool": "t", "result": "x" * 50_000, "text": "x" * 50_000}))
    await merging.flush()

    assert size(log.events[0].data) <= EVENT_BYTES
    assert log.events[0].data["truncated"] is True
