from __future__ import annotations

import pytest

from chat.quotas.frames import MISTAKES, Floods
from chat.quotas.handshakes import (
    KNOWN,
    REFUSED,
    REFUSED_SECONDS,
    STRANGERS,
    STRANGERS_SECONDS,
    Handshakes,
    TooMany,
    address_of,
)
from tests.quotas.clock import Clock

ALICE = 1
HERE, THERE = "192.0.2.1", "192.0.2.2"


def handshakes(clock: Clock | None = None, floods: Floods | None = None) -> Handshakes:
    clock = clock or Clock()
    return Handshakes(floods or Floods(clock=clock), clock=clock)


def strangers(made: Handshakes, count: int, *, address: str = HERE) -> int:
    """How many of so many handshakes with wrong cookies may ask the database."""
    let_in = 0
    for number in range(count):
        try:
            made.begin(address, f"session wrong {number}").failed()
        except TooMany:
            continue
        let_in += 1
    return let_in


def test_strangers_of_one_address_ask_the_database_so_often_and_no_more() -> None:
    clock = Clock()
    made = handshakes(clock)
    assert strangers(made, 1000) == STRANGERS
    assert strangers(made, 1000, address=THERE) == STRANGERS
    clock.now += STRANGERS_SECONDS
    assert strangers(made, 1000) == STRANGERS


def test_whoever_was_in_before_is_kept_out_by_no_stranger_of_the_same_address() -> None:
    made = handshakes()
    made.begin(HERE, "session alice").succeeded(ALICE, per_minute=10)
    strangers(made, 1000)
    made.begin(HERE, "session alice").succeeded(ALICE, per_minute=10)
    with pytest.raises(TooMany):
        made.begin(HERE, "session bob")


def test_people_who_sign_in_are_no_strangers() -> None:
    made = handshakes()
    for number in range(5 * STRANGERS):
        made.begin(HERE, f"session {number}").succeeded(number, per_minute=10)


def test_a_cookie_that_is_right_no_more_is_a_stranger_s() -> None:
    made = handshakes()
    made.begin(HERE, "session alice").succeeded(ALICE, per_minute=10)
    made.begin(HERE, "session alice").failed()
    strangers(made, 1000)
    with pytest.raises(TooMany):
        made.begin(HERE, "session alice")


def test_a_database_that_is_away_makes_nobody_a_stranger() -> None:
    made = handshakes()
    for number in range(5 * STRANGERS):
        made.begin(HERE, f"session {number}").undecided()


def test_whoever_shows_nothing_costs_no_look_and_is_not_counted() -> None:
    made = handshakes()
    for _ in range(5 * STRANGERS):
        made.begin(HERE, "").failed()
    made.begin(HERE, "session bob")


def test_a_user_connects_so_often_a_minute() -> None:
    clock = Clock()
    made = handshakes(clock)
    for _ in range(3):
        made.begin(HERE, "session alice").succeeded(ALICE, per_minute=3)
    with pytest.raises(TooMany) as refused:
        made.begin(HERE, "session alice").succeeded(ALICE, per_minute=3)
    clock.now += refused.value.seconds
    made.begin(HERE, "session alice").succeeded(ALICE, per_minute=3)


def test_whoever_has_flooded_is_refused_before_the_database_is_asked() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    made = handshakes(clock, floods)
    made.begin(HERE, "session alice").succeeded(ALICE, per_minute=10)
    for _ in range(MISTAKES + 1):
        floods.happened(ALICE)
    with pytest.raises(TooMany):
        made.begin(HERE, "session alice")
    # By a cookie that is not known yet: after that look.
    handshake = made.begin(HERE, "session alice on another machine")
    with pytest.raises(TooMany):
        handshake.succeeded(ALICE, per_minute=10)
    made.begin(HERE, "session bob").succeeded(2, per_minute=10)


def test_whoever_does_not_listen_is_told_from_whoever_does() -> None:
    clock = Clock()
    made = handshakes(clock)
    strangers(made, STRANGERS)

    def refused() -> list[bool]:
        deaf = []
        for _ in range(REFUSED + 2):
            with pytest.raises(TooMany) as error:
                made.begin(HERE, "session wrong")
            deaf.append(error.value.is_deaf)
        return deaf

    assert refused() == [False] * REFUSED + [True] * 2
    clock.now += REFUSED_SECONDS
    assert refused() == [False] * REFUSED + [True] * 2


def test_it_remembers_so_many_cookies_and_no_more() -> None:
    made = handshakes()
    for number in range(KNOWN + 10):
        made.begin(HERE, f"session {number}").succeeded(number, per_minute=10)
    assert len(made._known) == KNOWN


@pytest.mark.parametrize(
    ("client", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("no address", "no address"),
    ],
)
def test_the_address_is_that_of_the_client(client: str, address: str) -> None:
    headers = [(b"host", b"x"), (b"x-forwarded-for", b"198.51.100.7")]
    assert address_of({"client": (client, 1), "headers": headers}) == address


def test_a_unix_socket_has_no_address() -> None:
    assert address_of({"client": None, "headers": []}) == ""
