"""Events stay small (chat/protocol/previews.py)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.protocol.events import Event
from chat.protocol.previews import EVENT_BYTES, capped, shortened, size

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.text(max_size=2000),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=300), inner, max_size=30),
    max_leaves=60,
)
law = settings(
    max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def result(value: object) -> Event:
    return Event("tool_result", {"call_id": "c12345678", "tool": "search", "result": value, "duration_ms": 12})


@law
@given(values, st.integers(min_value=8, max_value=5000))
def test_a_shortened_value_fits(value: Any, room: int) -> None:
    assert size(shortened(value, room)) <= room


@law
@given(values)
def test_every_event_fits(value: Any) -> None:
    event = capped(result(value))

    assert size(event.data) <= EVENT_BYTES
    assert event.data["call_id"] == "c12345678"
    assert event.data["duration_ms"] == 12
    assert event.data.get("truncated", False) == (size(result(value).data) > EVENT_BYTES)


@law
@given(values)
def test_a_value_that_fits_is_unchanged(value: Any) -> None:
    assert shortened(value, size(value)) == (list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize("letter", ["x", "ü", "漢", "😀", '"', "\n", "\x01", "\ud800"])
def test_a_long_text_keeps_its_beginning(letter: str) -> None:
    event = capped(result(letter * 100_000))

    said = event.data["result"]
    assert said.endswith("…")
    assert said[:-1] == letter * (len(said) - 1)
    # Most of the room is used.
    assert size(event.data) > EVENT_BYTES * 0.85


def test_a_long_list_shows_its_first_items_legibly() -> None:
    hits = [{"title": f"Hit {number}", "snippet": "words " * 50} for number in range(500)]

    shown = capped(result(hits)).data["result"]

    assert 5 < len(shown) < 50
    assert shown[0]["title"] == "Hit 0"
    assert shown[0]["snippet"].startswith("words words words")


def test_short_fields_survive_beside_a_long_one() -> None:
    shown = capped(result({"page": "x" * 100_000, "status": 200, "url": "https://example.org/"})).data["result"]

    assert (shown["status"], shown["url"]) == (200, "https://example.org/")
    assert len(shown["page"]) > 2000


def test_a_deeply_nested_value_is_cut_off() -> None:
    deep: Any = "x" * 5000
    for _ in range(300):
        deep = [deep]

    assert size(capped(result(deep)).data) <= EVENT_BYTES


def test_cut_arguments_are_marked_as_such() -> None:
    start = Event("tool_start", {"call_id": "c1", "tool": "write", "arguments": {"text": "x" * 9000}})

    event = capped(start)

    assert event.data["arguments_truncated"] is True
    assert "truncated" not in event.data
    assert event.data["arguments"]["text"].startswith("xxx")


def test_questions_and_texts_are_not_shortened() -> None:
    for event in (Event("token", {"text": "x" * 9000}), Event("start", {"user_message": {"text": "x" * 9000}})):
        assert capped(event) is event
