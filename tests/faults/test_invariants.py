"""Tests of `check_log`, which runs at the end of every test here."""

from __future__ import annotations

from typing import Final

import pytest

from tests.faults.invariants import check_log

TRACEBACK: Final = "Traceback (most recent call last):\n  File ...\nValueError: no\n"
CHAINED: Final = f"{TRACEBACK}\nDuring handling of the above exception, another exception occurred:\n\n{TRACEBACK}"


@pytest.mark.parametrize(
    "log",
    [
        f"ERROR daphne.server: Exception inside application\n{TRACEBACK}",
        f"ERROR chat: Something else.\n{CHAINED}",
        f"ERROR chat: run 1: saving failed\n{CHAINED}ERROR chat: Something else.\n{TRACEBACK}",
        "ERROR asyncio: Task exception was never retrieved\n",
        "WARNING daphne.server: Application instance <Task> for connection took too long to shut down\n",
    ],
)
def test_unexpected_log_lines_are_found(log: str) -> None:
    with pytest.raises(AssertionError):
        check_log(log, expected=("saving failed",))


def test_expected_log_lines_are_ignored() -> None:
    check_log(f"INFO chat: run 1: started\nERROR chat: run 1: saving failed\n{CHAINED}", expected=("saving failed",))
