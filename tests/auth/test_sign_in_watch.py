from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import OperationalError

from chat.auth import sign_in_watch
from chat.auth.sign_in_watch import SignInLookups, signed_out
from chat.models import User

SCOPE = {"headers": [(b"authorization", b"Bearer chat_alice")]}
BOBS = {"headers": [(b"authorization", b"Bearer chat_bob")]}
ALICE = 1


class Database:
    """Answers whose credential it is (`user_id`; None for nobody's), and counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        self.user_id: int | None = ALICE
        self.is_away = False
        monkeypatch.setattr("chat.auth.sign_in_watch.database.find", self._read)

    async def _read(self, function: Any, scope: Any) -> User | None:
        assert function is sign_in_watch.user_of_scope
        self.looks += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise OperationalError("away")
        return User(pk=self.user_id) if self.user_id else None


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    return Database(monkeypatch)


async def test_connections_of_one_token_share_a_lookup(database: Database) -> None:
    sign_ins = SignInLookups()
    found = await asyncio.gather(*(sign_ins.user_id(SCOPE, age=5) for _ in range(60)))
    assert (found, database.looks) == ([ALICE] * 60, 1)
    await sign_ins.user_id(BOBS, age=5)
    assert database.looks == 2


async def test_a_lookup_is_reused_for_a_while(database: Database) -> None:
    sign_ins = SignInLookups()
    await sign_ins.user_id(SCOPE, age=60)
    database.user_id = None
    assert await sign_ins.user_id(SCOPE, age=60) == ALICE
    assert await sign_ins.user_id(SCOPE, age=0) is None


async def test_a_cancelled_lookup_does_not_affect_others(database: Database) -> None:
    sign_ins = SignInLookups()
    first = asyncio.create_task(sign_ins.user_id(SCOPE, age=5))
    await asyncio.sleep(0)
    second = asyncio.create_task(sign_ins.user_id(SCOPE, age=5))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == ALICE


async def test_a_sign_out_ends_the_watch(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.auth.sign_in_watch.EVERY_SECONDS", 0.01)
    monkeypatch.setattr("chat.auth.sign_in_watch.AGE_SECONDS", 0.0)
    watch = asyncio.create_task(signed_out(SCOPE, ALICE))
    async with asyncio.timeout(10):
        while database.looks < 2:
            await asyncio.sleep(0.01)
    assert not watch.done()
    database.user_id = None
    async with asyncio.timeout(10):
        await watch


async def test_an_unavailable_database_signs_no_one_out(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chat.auth.sign_in_watch.EVERY_SECONDS", 0.01)
    monkeypatch.setattr("chat.auth.sign_in_watch.AGE_SECONDS", 0.0)
    database.is_away = True
    watch = asyncio.create_task(signed_out(SCOPE, ALICE))
    async with asyncio.timeout(10):
        while database.looks < 2:
            await asyncio.sleep(0.01)
    assert not watch.done()
    assert "sign-in watch: sign-in not checked" in caplog.text
    watch.cancel()


async def test_look_now_checks_immediately(database: Database) -> None:
    """Waiting for the next regular check would take seconds. Other users are not checked."""
    hers = [asyncio.create_task(signed_out(SCOPE, ALICE)) for _ in range(5)]
    await asyncio.sleep(0)
    sign_in_watch.look_now(ALICE + 1)
    await asyncio.sleep(0.05)
    assert database.looks == 0

    await asyncio.to_thread(sign_in_watch.look_now, ALICE)
    await asyncio.sleep(0.05)
    assert database.looks == 1
    assert not any(each.done() for each in hers)

    database.user_id = None
    await asyncio.to_thread(sign_in_watch.look_now, ALICE)
    async with asyncio.timeout(5):
        await asyncio.gather(*hers)
    assert database.looks == 2
    assert not sign_in_watch._bells[asyncio.get_running_loop()]
