from __future__ import annotations

import threading

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from chat.auth import first_run
from chat.models import User
from tests.cast import PASSWORD

BASE = "http://127.0.0.1:8000"


def token_of(link: str | None) -> str:
    assert link is not None
    return link.partition("?token=")[2]


def test_the_link_carries_a_long_token(db: None) -> None:
    link = first_run.setup_link(BASE + "/")

    assert link is not None
    assert link.startswith(BASE + "/setup/?token=")
    assert len(token_of(link)) >= 43
    assert first_run.accepts(token_of(link))


def test_a_restart_prints_the_same_link(db: None) -> None:
    assert first_run.setup_link(BASE) == first_run.setup_link(BASE)


def test_another_site_has_another_link(db: None, settings: Settings) -> None:
    ours = token_of(first_run.setup_link(BASE))
    settings.SECRET_KEY = "of another site"

    assert not first_run.accepts(ours)
    assert token_of(first_run.setup_link(BASE)) != ours


def test_another_token_is_refused(db: None) -> None:
    token = token_of(first_run.setup_link(BASE))

    for wrong in ("", token[:-1], token + "x", token.swapcase(), "é", "\ud800", "\0"):
        assert not first_run.accepts(wrong)


def test_a_site_with_a_user_has_no_link(alice: User) -> None:
    assert first_run.setup_link(BASE) is None


def test_claiming_creates_the_administrator(db: None) -> None:
    administrator = first_run.claim("ada", "ada@example.org", PASSWORD)

    assert administrator is not None
    assert administrator.is_superuser
    assert administrator.is_staff
    assert administrator.check_password(PASSWORD)


def test_a_site_with_a_user_cannot_be_claimed(alice: User) -> None:
    assert first_run.claim("mallory", "", PASSWORD) is None
    assert User.objects.get() == alice


@pytest.mark.django_db(transaction=True)
def test_one_of_several_concurrent_claims_succeeds() -> None:
    everybody_is_ready = threading.Barrier(4)
    made: list[User | None] = []

    def claim(name: str) -> None:
        try:
            assert first_run.is_open()
            everybody_is_ready.wait(10)
            made.append(first_run.claim(name, "", PASSWORD))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(f"claimant{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(made) == 4
    assert [user for user in made if user] == [User.objects.get()]


def test_createsuperuser_ends_the_first_run(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "root")
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "root@example.org")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", interactive=False, verbosity=0)

    root = User.objects.get()
    assert (root.username, root.is_superuser, root.check_password(PASSWORD)) == ("root", True, True)
    assert not first_run.is_open()
    assert first_run.setup_link(BASE) is None
