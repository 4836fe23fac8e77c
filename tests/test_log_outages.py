from __future__ import annotations

import logging

import pytest
from django.db import OperationalError

from chatsite.log_outages import AGAIN_SECONDS, Outages


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock, caplog: pytest.LogCaptureFixture) -> logging.Logger:
    logger = logging.Logger("tests.outages", logging.DEBUG)
    caplog.handler.addFilter(outages := Outages(clock))
    logger.addHandler(caplog.handler)
    try:
        yield logger
    finally:
        caplog.handler.removeFilter(outages)


FULL = OperationalError("database or disk is full")


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(28, "No space left on device"),
        OSError(24, "Too many open files"),
        OperationalError('could not extend file "base/1/2": No space left on device'),
        OperationalError("unable to open database file"),
    ],
)
def test_an_outage_is_one_line_without_a_traceback(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    for path in ("/a", "/b", "/c"):
        log.error("Internal Server Error: %s", path, exc_info=error)
    log.warning("health: not ready, database check failed: %s", error)
    assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [
        (f"Internal Server Error: /a: {error}", None)
    ]


def test_an_outage_is_logged_again_after_a_while(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    log.error("Failed.", exc_info=FULL)
    clock.now += AGAIN_SECONDS
    log.error("Failed.", exc_info=FULL)
    assert len(caplog.records) == 2


def test_every_loss_is_logged(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    for run in (1, 2):
        log.error("run %d: not saved: %s", run, FULL)
    assert caplog.messages == [f"run {run}: not saved: database or disk is full" for run in (1, 2)]


def test_other_errors_are_logged_unchanged(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        log.error("Failed.", exc_info=OperationalError("database is locked"))
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
