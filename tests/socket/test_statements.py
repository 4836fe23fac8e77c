"""How many database statements a turn takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from tests.api.rig import Browser
from tests.cast import session_of
from tests.chat_rig import Rig
from tests.socket.conftest import Connect
from tests.socket.rig import Socket

pytestmark = pytest.mark.django_db(transaction=True)

# In an existing conversation, including the sign-in, the history and saving.
MOST = 11


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements executed on all connections."""
    executed: list[str] = []
    original = CursorWrapper.execute

    def execute(self: CursorWrapper, sql: str, *args: Any, **kwargs: Any) -> Any:
        executed.append(sql)
        return original(self, sql, *args, **kwargs)

    monkeypatch.setattr(CursorWrapper, "execute", execute)
    return executed


async def test_a_turn_over_a_socket(chat: Rig, connect: Connect, statements: list[str]) -> None:
    first = await chat.turn()
    second = await chat.turn(conversation_id=first.conversation_id)
    socket = await connect()
    await socket.receive()
    statements.clear()

    chat.provider.say("Hi again")
    chat.provider.finish()
    ok = await socket.ask("send", text="Hello again", conversation_id=second.conversation_id)
    await _conversation_changed(socket)

    assert ok["type"] == "ok"
    assert any("INSERT" in each for each in statements)
    assert len(statements) <= MOST, "\n".join(statements)


async def test_a_turn_by_post(chat: Rig, statements: list[str]) -> None:
    first = await chat.turn()
    browser = Browser(session=await session_of(chat.alice), csrf="a" * 32)
    statements.clear()

    chat.provider.say("Hi again")
    chat.provider.finish()
    stream = await browser.open(
        "POST", "/api/runs/stream", {"text": "Hello again", "conversation_id": first.conversation_id}
    )
    await stream.until("done")
    await stream.rest()

    assert any("INSERT" in each for each in statements)
    assert len(statements) <= MOST, "\n".join(statements)


async def _conversation_changed(socket: Socket) -> None:
    while (await socket.receive()).get("kind") != "run_ended":
        """What comes before it."""
