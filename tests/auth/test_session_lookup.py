"""Expired sessions are deleted from the database automatically, a few at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import database
from chat.auth import credentials
from chat.auth.credentials import SESSIONS_AT_ONCE, purge_sessions
from chat.generation.purging import Purging


def make(count: int, *, ended: bool) -> None:
    when = timezone.now() + timedelta(days=-1 if ended else 1)
    Session.objects.bulk_create(
        Session(session_key=f"{'ended' if ended else 'live'}{number}", session_data="", expire_date=when)
        for number in range(count)
    )


def test_expired_sessions_are_purged_and_others_kept(db: None) -> None:
    make(3, ended=True)
    make(2, ended=False)

    assert purge_sessions() == 3
    assert set(Session.objects.values_list("session_key", flat=True)) == {"live0", "live1"}
    assert purge_sessions() == 0


def test_each_purge_deletes_a_limited_number(db: None) -> None:
    make(2 * SESSIONS_AT_ONCE + 1, ended=True)

    with CaptureQueriesContext(connection) as queries:
        assert purge_sessions() == SESSIONS_AT_ONCE

    assert len(queries) < 6
    assert Session.objects.count() == SESSIONS_AT_ONCE + 1


async def test_sessions_are_purged_automatically(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    done = asyncio.Event()

    async def write(function: object) -> None:
        called.append(function)
        if function == credentials.purge_sessions:
            done.set()

    monkeypatch.setattr(database, "write", write)
    purging = Purging()
    purging.start()
    await asyncio.wait_for(done.wait(), 30)
    await purging.close()

    assert credentials.purge_sessions in called
