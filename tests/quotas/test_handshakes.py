from __future__ import annotations

import pytest

from chat.quotas.credentials import Credentials
from chat.quotas.frames import MISTAKES, Floods
from chat.quotas.handshakes import (
    FULL_SECONDS,
    REFUSED,
    REFUSED_SECONDS,
    STRANGERS,
    STRANGERS_SECONDS,
    Handshake,
    Handshakes,
    TooMany,
    address_of,
)
from tests.quotas.clock import Clock

ALICE = 1
HERE, THERE = "192.0.2.1", "192.0.2.2"


def handshakes(clock: Clock | None = None, floods: Floods | None = None) -> Handshakes:
    clock = clock or Clock()
    return Handshakes(Credentials(), floods or Floods(clock=clock), clock=clock)


def begin(made: Handshakes, credential: str, *, per_minute: int = 10) -> Handshake:
    return made.begin(HERE, credential, per_minute=per_minute)


def strangers(made: Handshakes, count: int, *, address: str = HERE) -> int:
    """How many of `count` handshakes with wrong cookies may ask the database."""
    let_in = 0
    for number in range(count):
        try:
            made.begin(address, f"session wrong {number}", per_minute=10).failed()
        except TooMany:
            continue
        let_in += 1
    return let_in


def test_lookups_for_strangers_are_limited_per_address() -> None:
    clock = Clock()
    made = handshakes(clock)
    assert strangers(made, 1000) == STRANGERS
    assert strangers(made, 1000, address=THERE) == STRANGERS
    clock.now += STRANGERS_SECONDS
    assert strangers(made, 1000) == STRANGERS


def test_strangers_do_not_block_a_known_user_of_the_same_address() -> None:
    made = handshakes()
    begin(made, "session alice").succeeded(ALICE)
    strangers(made, 1000)
    begin(made, "session alice").succeeded(ALICE)
    with pytest.raises(TooMany):
        begin(made, "session bob")


def test_users_who_sign_in_are_not_strangers() -> None:
    made = handshakes()
    for number in range(5 * STRANGERS):
        begin(made, f"session {number}").succeeded(number)


def test_an_expired_cookie_counts_as_a_stranger() -> None:
    made = handshakes()
    begin(made, "session alice").succeeded(ALICE)
    begin(made, "session alice").failed()
    strangers(made, 1000)
    with pytest.raises(TooMany):
        begin(made, "session alice")


def test_an_unavailable_database_makes_no_one_a_stranger() -> None:
    made = handshakes()
    for number in range(5 * STRANGERS):
        begin(made, f"session {number}").undecided()


def test_a_handshake_without_credentials_is_not_counted() -> None:
    made = handshakes()
    for _ in range(5 * STRANGERS):
        begin(made, "").failed()
    begin(made, "session bob")


def test_connects_per_minute_are_limited() -> None:
    clock = Clock()
    made = handshakes(clock)
    for _ in range(3):
        begin(made, "session alice", per_minute=3).succeeded(ALICE)
    with pytest.raises(TooMany) as refused:
        begin(made, "session alice", per_minute=3).succeeded(ALICE)
    clock.now += refused.value.seconds
    begin(made, "session alice", per_minute=3).succeeded(ALICE)


def test_flooding_users_are_refused_before_the_database_lookup() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    made = handshakes(clock, floods)
    begin(made, "session alice").succeeded(ALICE)
    for _ in range(MISTAKES + 1):
        floods.happened(ALICE)
    with pytest.raises(TooMany):
        begin(made, "session alice")
    # With a cookie that is not known yet: after asking the database.
    handshake = begin(made, "session alice on another machine")
    with pytest.raises(TooMany):
        handshake.succeeded(ALICE)
    begin(made, "session bob").succeeded(2)


def test_clients_that_ignore_refusals_are_recognized() -> None:
    clock = Clock()
    made = handshakes(clock)
    strangers(made, STRANGERS)

    def refused() -> list[bool]:
        deaf = []
        for _ in range(REFUSED + 2):
            with pytest.raises(TooMany) as error:
                begin(made, "session wrong")
            deaf.append(error.value.is_deaf)
        return deaf

    assert refused() == [False] * REFUSED + [True] * 2
    clock.now += REFUSED_SECONDS
    assert refused() == [False] * REFUSED + [True] * 2


def test_repeated_connects_over_the_limit_are_refused_early() -> None:
    clock = Clock()
    made = handshakes(clock)
    for _ in range(REFUSED + 1):
        begin(made, "session alice", per_minute=100).succeeded(ALICE)
        made.had_no_room(ALICE, 20)
    with pytest.raises(TooMany) as refused:
        begin(made, "session alice", per_minute=100)
    assert (refused.value.is_deaf, refused.value.seconds) == (True, FULL_SECONDS)
    begin(made, "session bob").succeeded(2)
    clock.now += FULL_SECONDS
    begin(made, "session alice", per_minute=100)


def test_a_single_connect_over_the_limit_is_not_refused_early() -> None:
    """The control: someone may close a tab and open another one."""
    made = handshakes()
    for _ in range(REFUSED):
        begin(made, "session alice", per_minute=100).succeeded(ALICE)
        made.had_no_room(ALICE, 20)
    begin(made, "session alice", per_minute=100)


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
