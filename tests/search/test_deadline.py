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


def test_an_endless_statement_is_aborted() -> None:
    with pytest.raises(TooLong), deadline(0.05):
        answer(ENDLESS)
    assert answer("SELECT 7") == 7


def test_a_statement_started_after_the_deadline_is_aborted() -> None:
    def late() -> None:
        with deadline(0.01):
            threading.Event().wait(0.1)
            answer(ENDLESS)

    with pytest.raises(TooLong):
        late()


def test_statements_within_the_deadline_are_not_affected() -> None:
    """The control: the same statement, but finite."""
    with deadline(LONG):
        assert answer(SHORT) == 100_000
    assert answer(SHORT) == 100_000
    assert not [each for each in threading.enumerate() if each.name == "search-deadline"]


def test_other_errors_are_unchanged() -> None:
    with pytest.raises(OperationalError), deadline(LONG):
        answer("SELECT * FROM nowhere")
