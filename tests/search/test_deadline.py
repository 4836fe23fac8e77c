from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection

from chat.search.deadline import TooLong, deadline

LONG = 600.0
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
SHORT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT count(*) FROM n"

# PostgreSQL cancels slow statements by itself.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


def answer(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def test_a_statement_without_an_end_is_ended() -> None:
    with pytest.raises(TooLong), deadline(0.05):
        answer(ENDLESS)
    assert answer("SELECT 7") == 7


def test_one_that_begins_when_the_time_is_up_is_ended_too() -> None:
    def late() -> None:
        with deadline(0.01):
            threading.Event().wait(0.1)
            answer(ENDLESS)

    with pytest.raises(TooLong):
        late()


def test_what_ends_in_time_is_left_alone_and_so_is_what_comes_after() -> None:
    """The control: the same statement, but finite."""
    with deadline(LONG):
        assert answer(SHORT) == 100_000
    assert answer(SHORT) == 100_000
    assert not [each for each in threading.enumerate() if each.name == "search-deadline"]


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(OperationalError), deadline(LONG):
        answer("SELECT * FROM nowhere")
