"""Errors have one table, and only one module writes their JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.protocol.errors import ERRORS, ApiError, error_body

ROOT = Path(__file__).resolve().parents[2]
# Code that looks like an error body or a table of codes: `"error": {"code"`, `"not_found": 404`.
WRITERS = re.compile(
    rf"""["']error["']:\s*\{{\s*["']code|["'](?:{"|".join(ERRORS)})["']:\s*(?:\d|True|False|\(|ErrorKind)"""
)
ALLOWED = {"chat/protocol/errors.py"}


def sources() -> Iterator[tuple[str, str]]:
    for folder in ("chat", "chatsite"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def without_comments(source: str) -> str:
    return re.sub(r'"""[\s\S]*?"""|#.*', "", source)


def test_only_the_allowed_modules_write_errors() -> None:
    found = [path for path, source in sources() if WRITERS.search(without_comments(source))]

    assert set(found) == ALLOWED


@pytest.mark.parametrize(
    "planted",
    [
        'body = {"error": {"code": code}}',
        'STATUS = {"not_found": 404, "gone": 410}',
        "RETRY = {'unavailable': True}",
    ],
)
def test_a_planted_second_table_is_found(planted: str) -> None:
    assert WRITERS.search(planted)


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_has_a_status_and_a_message(code: str) -> None:
    status, _, sentence = ERRORS[code]

    assert 400 <= status < 600
    assert sentence[0].isupper() or sentence[0] == "`"
    assert sentence.endswith(".")


def test_the_table_gives_defaults_that_a_caller_can_override() -> None:
    assert error_body("busy", "Wait.") == {"error": {"code": "busy", "message": "Wait.", "retryable": True}}
    assert error_body("busy", "Wait.", retryable=False)["error"]["retryable"] is False
    assert (ApiError("busy", "Wait.").status, ApiError("busy", "Wait.").retryable) == (409, True)
    with pytest.raises(KeyError):
        error_body("out_of_coffee", "None left.")
