"""Password guessing is limited, without locking owners out of their accounts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from chat.accounts import limits
from chat.models import User
from tests.cast import PASSWORD, make_user

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
NEW = "another long and good password"
REFUSED = "Too many failed sign-in attempts"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide the limit per account by five, so that the tests need fewer attempts."""
    allowed, _, per = limits.FAILED_LOGINS["account"].partition("/")
    assert (int(allowed), per) == (100, "h/key")
    monkeypatch.setitem(limits.FAILED_LOGINS, "account", f"20/{per}")


def log_in(client: Client, login: str, password: str = PASSWORD, *, at: str = HOME) -> str:
    """Returns `in`, `wrong` or `refused`."""
    response = client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=at)
    if "_auth_user_id" in client.session:
        return "in"
    return "refused" if REFUSED in response.content.decode() else "wrong"


def guess(login: str, times: int, *, at: str) -> list[str]:
    return [log_in(Client(), login, f"guess {number}", at=at) for number in range(times)]


def guess_from_everywhere(login: str, times: int) -> list[str]:
    """Try five guesses from each address, as many as the limit per address allows."""
    return [outcome for number in range(times // 5) for outcome in guess(login, 5, at=f"203.0.113.{number}")]


@pytest.fixture
def known_browser(alice: User) -> Client:
    """A browser in which alice has logged in before, and out again."""
    client = Client()
    assert log_in(client, "alice") == "in"
    client.post("/accounts/logout/")
    return client


def test_an_attacker_elsewhere_does_not_lock_the_owner_out(alice: User) -> None:
    assert guess("alice", 8, at=ELSEWHERE) == ["wrong"] * 5 + ["refused"] * 3

    assert log_in(Client(), "alice", at=ELSEWHERE) == "refused"
    assert log_in(Client(), "alice", at=HOME) == "in"


def test_control_a_count_by_account_alone_locks_the_owner_out(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.FAILED_LOGINS, "account", "5/5m/key")

    guess("alice", 5, at=ELSEWHERE)

    assert log_in(Client(), "alice", at=HOME) == "refused"


def test_many_client_addresses_together_are_limited(alice: User) -> None:
    outcomes = guess_from_everywhere("alice", 25)

    assert outcomes == ["wrong"] * 20 + ["refused"] * 5


def test_control_without_the_count_by_account_they_are_not(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.FAILED_LOGINS, "account", "")

    assert guess_from_everywhere("alice", 25) == ["wrong"] * 25


def test_refused_attempts_do_not_count_against_the_account(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.FAILED_LOGINS, "account", "8/h/key")

    guess("alice", 30, at=ELSEWHERE)

    assert log_in(Client(), "alice", at=HOME) == "in"


def test_a_known_browser_can_log_in_despite_attacks(known_browser: Client) -> None:
    assert guess_from_everywhere("alice", 25)[-1] == "refused"
    guess("alice", 12, at=HOME)

    assert log_in(Client(), "alice", at=HOME) == "refused"
    assert log_in(known_browser, "alice", at=HOME) == "in"


def test_control_a_browser_without_its_cookie_is_unknown(known_browser: Client) -> None:
    guess_from_everywhere("alice", 25)
    del known_browser.cookies[limits.DEVICE_COOKIE]

    assert log_in(known_browser, "alice", at=HOME) == "refused"


def test_a_known_browser_gets_no_extra_attempts(known_browser: Client) -> None:
    """Once its own attempts are used up, it is treated like an unknown browser."""
    outcomes = [log_in(known_browser, "alice", "guess", at=HOME) for _ in range(12)]

    assert outcomes == ["wrong"] * 10 + ["refused"] * 2


def test_a_browser_is_known_to_its_account_only(known_browser: Client, bob: User) -> None:
    guess("bob", 5, at=HOME)

    assert log_in(known_browser, "bob", at=HOME) == "refused"


@pytest.mark.parametrize("forged", ["", "x", "e30:1:2", '[["1","mine"]]'])
def test_an_unsigned_cookie_makes_no_browser_known(alice: User, forged: str) -> None:
    client = Client()
    client.cookies[limits.DEVICE_COOKIE] = forged
    guess("alice", 5, at=HOME)

    assert log_in(client, "alice", at=HOME) == "refused"


def test_the_cookie_is_http_only_and_same_site(known_browser: Client) -> None:
    cookie = known_browser.cookies[limits.DEVICE_COOKIE]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/accounts/")


def test_a_browser_remembers_a_few_accounts(db: None) -> None:
    client = Client()
    for number in range(limits.ACCOUNTS_PER_DEVICE + 2):
        make_user(f"user{number}")
        log_in(client, f"user{number}", at=f"192.0.2.{number}")
        client.post("/accounts/logout/")

    assert len(client.cookies[limits.DEVICE_COOKIE].value) < 1000


def test_a_password_reset_lets_the_owner_in_immediately(alice: User) -> None:
    guess_from_everywhere("alice", 25)
    guess("alice@example.org", 12, at=HOME)
    client = Client()
    assert log_in(client, "alice", at=HOME) == "refused"

    client.post("/accounts/password/reset/", {"email": "alice@example.org"}, REMOTE_ADDR=HOME)
    link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link is not None
    form = client.get(link[1], follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": NEW, "password2": NEW}, REMOTE_ADDR=HOME)

    assert log_in(client, "alice", NEW, at=HOME) == "in"


def test_the_right_password_is_not_counted(alice: User) -> None:
    assert [log_in(Client(), "alice", at=HOME) for _ in range(15)] == ["in"] * 15


def test_changing_the_case_gives_no_new_attempts(alice: User) -> None:
    outcomes = [log_in(Client(), login, "wrong") for login in ("alice", "ALICE", "Alice", "aLice", "alIce", "alicE")]

    assert outcomes == ["wrong"] * 5 + ["refused"]


def test_the_limit_reveals_no_accounts(alice: User) -> None:
    outcomes = [guess(login, 7, at=at) for login, at in (("alice", HOME), ("nobody", ELSEWHERE))]

    assert outcomes[0] == outcomes[1]


def test_the_limit_does_not_reveal_who_owns_an_address(alice: User) -> None:
    """Attempts by username and by email address are counted apart, as for somebody else's address."""
    guess("alice", 5, at=HOME)

    assert guess("alice@example.org", 1, at=HOME) == ["wrong"]


def test_an_ipv6_network_counts_as_one_client(alice: User) -> None:
    guess("alice", 5, at="2001:db8::1")

    assert log_in(Client(), "alice", at="2001:db8::2") == "refused"
    assert log_in(Client(), "alice", at="2001:db8:1::1") == "in"


def test_concurrent_attempts_do_not_exceed_the_limit(alice: User, hashed: list[int]) -> None:
    """An attempt is counted before the password is hashed, so refused attempts cost no hash."""
    guess("alice", 9, at=HOME)

    assert len(hashed) == 5


def test_a_refusal_explains_how_to_log_in(alice: User, settings: Settings) -> None:
    guess("alice", 5, at=HOME)

    def told() -> Any:
        sent = {"login": "alice", "password": "x"}
        return Client().post("/accounts/login/", sent, REMOTE_ADDR=HOME).content.decode()

    assert "reset your password by email" in told()
    settings.EMAIL_BACKEND = "chat.mail.NoMailServer"
    assert "Wait a few minutes, then try again" in told()


def test_reauthentication_has_the_same_limits(known_browser: Client, alice: User) -> None:
    log_in(known_browser, "alice")
    del known_browser.cookies[limits.DEVICE_COOKIE]

    answers = [
        known_browser.post("/accounts/reauthenticate/", {"password": "guess"}, REMOTE_ADDR=HOME).content.decode()
        for _ in range(6)
    ]

    assert [REFUSED in answer for answer in answers] == [False] * 5 + [True]
