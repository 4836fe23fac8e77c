from __future__ import annotations

from chat.quotas.refusals import BODY_BYTES, KEPT, LONGEST_SECONDS, REFUSED, Answer, Key, Refusals
from tests.quotas.clock import Clock

ALICE: Key = (1, "GET", "/api/search")
BOB: Key = (2, "GET", "/api/search")


def answer(text: bytes = b"{}") -> Answer:
    return Answer({"type": "http.response.start", "status": 429}, {"type": "http.response.body", "body": text})


def deaf(refusals: Refusals, key: Key, *, seconds: float = 2.0) -> Answer:
    """A user who was refused more often than whoever listens. The last answer."""
    for _ in range(REFUSED + 1):
        last = answer()
        refusals.happened(key, last, seconds)
    return last


def test_whoever_does_not_listen_hears_the_same_again_until_it_is_time() -> None:
    clock = Clock()
    refusals = Refusals(clock=clock)
    last = deaf(refusals, ALICE)
    assert refusals.recall(ALICE) is last
    assert refusals.recall((1, "GET", "/api/assistants")) is None
    assert refusals.recall(BOB) is None
    clock.now += 2.0
    assert refusals.recall(ALICE) is None


def test_whoever_was_refused_a_few_times_is_looked_at_again_each_time() -> None:
    """The control: what was refused may be possible by now."""
    refusals = Refusals(clock=Clock())
    for _ in range(REFUSED):
        refusals.happened(ALICE, answer(), 2.0)
    assert refusals.recall(ALICE) is None


def test_nobody_is_kept_out_for_long_without_a_look() -> None:
    clock = Clock()
    refusals = Refusals(clock=clock)
    deaf(refusals, ALICE, seconds=3600)
    clock.now += LONGEST_SECONDS
    assert refusals.recall(ALICE) is None


def test_a_page_is_not_kept() -> None:
    refusals = Refusals(clock=Clock())
    for _ in range(REFUSED + 1):
        refusals.happened(ALICE, answer(b"x" * (BODY_BYTES + 1)), 2.0)
    assert refusals.recall(ALICE) is None


def test_it_keeps_so_many_and_no_more() -> None:
    refusals = Refusals(clock=Clock())
    deaf(refusals, ALICE)
    for number in range(KEPT):
        refusals.happened((1, "GET", f"/{number}"), answer(), 2.0)
    assert refusals.recall(ALICE) is None
    assert len(refusals._kept) == KEPT
