"""Tests of the client that all other tests here use: it notices every violation of the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.reading import Reading, Violation

RUN = "7d0f2d3c-6f62-4d6b-9a0a-0f4a3c3f9d11"
START = ("aaaaaaaa.1", "start", {"run_id": RUN})
HEL = ("aaaaaaaa.2", "token", {"text": "Hel"})
LO = ("aaaaaaaa.3", "token", {"text": "lo"})
DONE = ("aaaaaaaa.4", "done", {"characters": 5})


def read(*events: tuple[str, str, dict[str, Any]]) -> Reading:
    reading = Reading(RUN)
    for event in events:
        reading.apply(*event)
    return reading


def test_a_complete_run_is_read() -> None:
    reading = read(START, HEL, LO, DONE)
    assert (reading.text, reading.outcome, reading.cursor) == ("Hello", "done", "aaaaaaaa.4")


def test_a_merged_event_may_jump() -> None:
    assert read(START, ("aaaaaaaa.3", "token", {"text": "Hello"}), DONE).text == "Hello"


def test_a_reset_for_an_unknown_cursor_starts_a_new_epoch() -> None:
    reading = read(START, HEL, ("bbbbbbbb.0", "reset", {}), ("bbbbbbbb.1", "start", {"run_id": RUN}))
    assert (reading.text, reading.cursor) == ("", "bbbbbbbb.1")


@pytest.mark.parametrize(
    ("broken", "events"),
    [
        ("no cursor", [("4", "start", {"run_id": RUN})]),
        ("before start", [("aaaaaaaa.1", "token", {"text": ""})]),
        ("repeats", [START, HEL, HEL]),
        ("repeats", [START, HEL, LO, HEL]),
        ("hole", [START, HEL, DONE]),
        ("epoch changes", [START, ("bbbbbbbb.2", "token", {"text": "Hel"})]),
        ("comes after done", [START, HEL, LO, DONE, ("aaaaaaaa.5", "done", {"characters": 5})]),
        ("comes after error", [START, ("aaaaaaaa.2", "error", {}), ("aaaaaaaa.3", "token", {"text": "Hel"})]),
        ("characters", [START, ("aaaaaaaa.3", "token", {"text": "Hell"}), DONE]),
        ("the start of", [("aaaaaaaa.1", "start", {"run_id": "another"})]),
    ],
)
def test_a_protocol_violation_is_noticed(broken: str, events: list[tuple[str, str, dict[str, Any]]]) -> None:
    with pytest.raises(Violation, match=broken):
        read(*events)
