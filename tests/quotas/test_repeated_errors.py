from __future__ import annotations

from chat.quotas.repeated_errors import (
    BODY_BYTES,
    KEPT,
    LONGEST_SECONDS,
    REFUSED,
    Key,
    RepeatedErrors,
    Response,
)
from tests.quotas.clock import Clock

ALICE: Key = (1, "GET", "/api/search")
BOB: Key = (2, "GET", "/api/search")


def answer(text: bytes = b"{}") -> Response:
    return Response({"type": "http.response.start", "status": 429}, {"type": "http.response.body", "body": text})


def deaf(errors: RepeatedErrors, key: Key, *, seconds: float = 2.0) -> Response:
    """Refuse a user who ignores it, until refusals are repeated unchecked. Returns the last response."""
    for _ in range(REFUSED + 1):
        last = answer()
        errors.happened(key, last, seconds)
    return last


def test_clients_that_ignore_retry_after_get_the_same_error() -> None:
    clock = Clock()
    errors = RepeatedErrors(clock=clock)
    last = deaf(errors, ALICE)
    assert errors.recall(ALICE) is last
    assert errors.recall((1, "GET", "/api/assistants")) is None
    assert errors.recall(BOB) is None
    clock.now += 2.0
    assert errors.recall(ALICE) is None


def test_a_few_refusals_are_not_repeated_from_memory() -> None:
    """The control: what was refused may be allowed by now."""
    errors = RepeatedErrors(clock=Clock())
    for _ in range(REFUSED):
        errors.happened(ALICE, answer(), 2.0)
    assert errors.recall(ALICE) is None


def test_remembered_errors_expire_soon() -> None:
    clock = Clock()
    errors = RepeatedErrors(clock=clock)
    deaf(errors, ALICE, seconds=3600)
    clock.now += LONGEST_SECONDS
    assert errors.recall(ALICE) is None


def test_html_pages_are_not_remembered() -> None:
    errors = RepeatedErrors(clock=Clock())
    for _ in range(REFUSED + 1):
        errors.happened(ALICE, answer(b"x" * (BODY_BYTES + 1)), 2.0)
    assert errors.recall(ALICE) is None


def test_a_limited_number_of_errors_is_remembered() -> None:
    errors = RepeatedErrors(clock=Clock())
    deaf(errors, ALICE)
    for number in range(KEPT):
        errors.happened((1, "GET", f"/{number}"), answer(), 2.0)
    assert errors.recall(ALICE) is None
    assert len(errors._kept) == KEPT
