"""I6: nothing is written while a run streams; then there is one transaction. Watched on the connections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from chat import database
from chat.models import Conversation, Message
from chat.providers.base import Request
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)

WRITE: Final = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+"?(chat_\w+)"?', re.IGNORECASE)
TURN: Final = [
    # It already names the answer as its active leaf, so it needs no update afterwards.
    ("INSERT INTO", "chat_conversation"),
    # The same question may have failed before.
    ("DELETE FROM", "chat_unansweredquestion"),
    # The question and its answer, in one statement.
    ("INSERT INTO", "chat_message"),
]
FAILED: Final = [("DELETE FROM", "chat_unansweredquestion"), ("INSERT INTO", "chat_unansweredquestion")]


@dataclass
class Watch:
    """Writes to the chat's tables and their transactions, over all connections of the process."""

    writes: list[tuple[str, str]] = field(default_factory=list)
    begun: int = 0
    outside: int = 0
    is_on: bool = True

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.is_on:
            if sql.startswith("BEGIN"):
                self.begun += 1
            if match := WRITE.match(sql):
                self.writes.append((match[1].upper(), match[2].lower()))
                self.outside += not context["connection"].in_atomic_block
        return execute(sql, params, many, context)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch each connection opened from now on; in these tests, a thread opens one for each call."""
    watch = Watch()

    def install(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(watch)

    connection_created.connect(install)
    try:
        yield watch
    finally:
        watch.is_on = False
        connection_created.disconnect(install)


async def half_streamed(chat: Rig) -> str:
    """A run that is partly in the log, after a reader has received that part."""
    return await half_read(chat, (await chat.send("What is written?")).run_id)


async def half_read(chat: Rig, run_id: str) -> str:
    chat.provider.say(*(f"piece {number} " for number in range(50)))
    run = await chat.engine.find(chat.alice.pk, run_id)
    async for batch in chat.engine.follow(run, None, limit=1_000_000):
        if any(entry.name == "token" and "piece 49" in entry.data["text"] for entry in batch.entries):
            break
    return run_id


async def test_a_run_is_written_in_one_transaction_at_its_end() -> None:
    async with rig() as chat:
        with watched() as watch:
            run_id = await half_streamed(chat)
            assert watch.writes == []
            chat.provider.finish()
            entries = await chat.events(run_id)
        assert entries[-1].name == "done"
        assert watch.writes == TURN
        assert (watch.begun, watch.outside) == (1, 0)


async def test_a_regenerated_answer_is_written_alone_at_its_end() -> None:
    async with rig() as chat:
        first = await chat.turn()
        question = await database.read(lambda: str(Message.objects.get(run_id=first.run_id).parent_id))
        with watched() as watch:
            sent = await chat.again(regenerate_id=question)
            run_id = await half_read(chat, sent.run_id)
            assert watch.writes == []
            chat.provider.finish()
            assert (await chat.events(run_id))[-1].name == "done"
        assert watch.writes == [("INSERT INTO", "chat_message"), ("UPDATE", "chat_conversation")]
        assert (watch.begun, watch.outside) == (1, 0)


async def test_a_failed_run_writes_only_its_unanswered_question() -> None:
    async with rig() as chat:
        with watched() as watch:
            run_id = await half_streamed(chat)
            assert watch.writes == []
            chat.provider.put(None)
            entries = await chat.events(run_id)
        assert entries[-1].data["code"] == "incomplete"
        assert watch.writes == FAILED
        assert (watch.begun, watch.outside) == (1, 0)


async def test_control_an_early_write_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first test would see a runner that saves a draft."""

    async def stream(provider: Any, request: Request) -> Any:
        await database.write(Conversation.objects.create, owner_id=chat.alice.pk, title="a draft")
        async for delta in undisturbed(provider, request):
            yield delta

    async with rig() as chat:
        undisturbed: Callable[..., Any] = type(chat.provider).stream
        monkeypatch.setattr(type(chat.provider), "stream", stream)
        with watched() as watch:
            await half_streamed(chat)
            assert watch.writes == [("INSERT INTO", "chat_conversation")]


async def test_control_without_the_transaction_half_a_turn_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that is not written as one leaves messages that its conversation does not refer to."""
    async with rig() as chat:
        first = await chat.turn()
        trigger = "BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: a fault'); END"
        await database.write(execute, f"CREATE TRIGGER fault BEFORE UPDATE ON chat_conversation {trigger}")
        try:
            await half_turn(chat, first.conversation_id)
            assert await database.read(Message.objects.count) == 2
            monkeypatch.setattr("chat.models.turn.transaction", SimpleNamespace(atomic=nullcontext))
            await half_turn(chat, first.conversation_id)
            assert await database.read(Message.objects.count) == 4
        finally:
            await database.write(execute, "DROP TRIGGER fault")


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


async def half_turn(chat: Rig, conversation_id: str) -> None:
    run_id = await half_read(chat, (await chat.send("And now?", conversation_id=conversation_id)).run_id)
    chat.provider.finish()
    await chat.events(run_id)
