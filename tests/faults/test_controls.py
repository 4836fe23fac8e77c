"""Controls in this process: with one safeguard disabled, the failure that the process tests look for occurs."""

from __future__ import annotations

import json
from typing import Final

import pytest

from chat.socket.window import BYTES, Window
from chat.streams.memory import MemoryLog
from tests.chat_rig import Rig, rig
from tests.security.world import signed_in
from tests.socket.rig import Socket

pytestmark = pytest.mark.django_db(transaction=True)

LONG: Final = "0123456789 " * 30_000


async def sent_unasked(chat: Rig, run_id: str, *, at_least: int = 0) -> int:
    """Bytes of events sent to a reader that acknowledges none of them. `at_least`: wait for this many."""
    socket = Socket(session=(await signed_in(chat.alice)).session)
    await socket.connect()
    await socket.receive("hello")
    await socket.ask("subscribe", run_id=run_id)
    size = 0
    while size < at_least or not await socket.is_silent():
        size += len(json.dumps(await socket.receive("events"), separators=(",", ":")))
    await socket.disconnect()
    return size


async def test_without_the_window_a_silent_reader_is_sent_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig() as chat:
        long = await chat.turn("Long", LONG)
        assert await sent_unasked(chat, long.run_id) <= BYTES
        monkeypatch.setattr("chat.socket.consumer.Window", lambda: Window(2**40))
        assert await sent_unasked(chat, long.run_id, at_least=len(LONG) + 1) > len(LONG)


async def test_without_the_key_in_the_log_a_message_is_answered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 12 would see this in its counts of upstream requests."""
    message = {"client_message_id": "7d0f2d3c-6f62-4d6b-9a0a-0f4a3c3f9d11"}
    async with rig() as chat:
        await chat.send(**message)
        assert (await chat.send(**message)).duplicate
        await chat.provider.asked.wait()
        assert len(chat.provider.requests) == 1

        async def find_sent(log: MemoryLog, owner_id: int, client_message_id: str) -> None:
            log._sent.clear()

        monkeypatch.setattr(MemoryLog, "find_sent", find_sent)
        monkeypatch.setattr(MemoryLog, "_forget", lambda log, run: None)
        twice = await chat.send(**message)
        assert not twice.duplicate
