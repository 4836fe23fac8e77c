from __future__ import annotations

import asyncio
from types import CoroutineType
from typing import Any, Final

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session
from django.test import override_settings

from chat import database
from chat.auth.credentials import user_of_scope
from chat.notices import channel
from chat.streams.base import LogUnavailable, RunInfo
from chat.streams.memory import MemoryLog
from chatsite.asgi import application
from tests.cast import issue_token, session_of
from tests.chat_rig import Rig
from tests.socket.conftest import Connect
from tests.socket.rig import Socket

pytestmark = pytest.mark.django_db(transaction=True)

SOCKETS: Final = 3
# Per socket: the application, the writer, the heartbeat, the notices, and a watch for each of three endings.
TASKS: Final = 7
COROUTINES: Final = 20


async def test_hello_contains_the_user_and_live_runs(chat: Rig, connect: Connect) -> None:
    sent = await chat.send("A question")
    socket = await connect(subprotocols=("chat.v1",))
    hello = await socket.receive()
    assert socket.subprotocol == "chat.v1"
    assert (hello["type"], hello["protocol"], hello["window"], hello["heartbeat"]) == ("hello", 1, 65536, 15)
    assert hello["user"] == {"id": chat.alice.pk, "username": "alice"}
    (run,) = hello["runs"]
    assert run["run_id"] == sent.run_id
    assert run["conversation_id"] == sent.conversation_id
    assert run["title"] == "A question"


class LateLog(MemoryLog):
    """Lists the runs only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        self.asked.set()
        await self.answers.wait()
        return await super().runs_of(owner_id)


class AbsentLog(MemoryLog):
    async def runs_of(self, owner_id: int) -> list[RunInfo]:
        raise LogUnavailable("It does not answer.")


async def test_while_the_log_is_unavailable_a_socket_is_asked_to_reconnect(chat: Rig) -> None:
    chat.engine.log = AbsentLog()
    socket = Socket(session=await session_of(chat.alice))
    assert await socket.connect()
    bye = await socket.receive()
    assert (bye["type"], bye["code"]) == ("bye", 4412)
    assert (await socket.receive()) == {"type": "close", "code": 4412}
    await socket.disconnect()


async def test_hello_comes_before_notices(chat: Rig) -> None:
    log = chat.engine.log = LateLog()
    socket = Socket(session=await session_of(chat.alice))
    assert await socket.connect()
    await log.asked.wait()
    await channel.publish(chat.alice.pk, {"kind": "renamed"})
    assert await socket.is_silent()
    log.answers.set()
    assert (await socket.receive())["type"] == "hello"
    assert (await socket.receive())["kind"] == "renamed"
    await socket.disconnect()


@pytest.mark.parametrize(
    "origin",
    [None, b"null", b"", b"http://evil.example", b"http://localhost.evil.example", b"http://localhost:8001",
     b"https://localhost", b"http://evillocalhost", b"http://localhost/"],
)  # fmt: skip
async def test_another_origin_is_refused_before_accepting(chat: Rig, origin: bytes | None) -> None:
    socket = Socket(session=await session_of(chat.alice), origin=origin)
    assert not await socket.connect()


async def test_a_trusted_origin_may_connect(chat: Rig) -> None:
    with override_settings(TRUSTED_ORIGINS=["https://chat.example.org"]):
        socket = Socket(session=await session_of(chat.alice), origin=b"https://chat.example.org")
        assert await socket.connect()
        await socket.disconnect()


@pytest.mark.parametrize("session", ["", "nosuchsession"])
async def test_the_right_origin_without_a_session_is_closed_with_4401(chat: Rig, session: str) -> None:
    socket = Socket(session=session)
    assert await socket.connect()
    assert (await socket.receive())["code"] == 4401
    assert (await socket.receive()) == {"type": "close", "code": 4401}
    await socket.disconnect()


async def test_an_api_client_with_a_token_needs_no_origin(chat: Rig) -> None:
    secret = await database.write(issue_token, chat.alice)
    socket = Socket(token=secret, origin=None)
    assert await socket.connect()
    assert (await socket.receive())["user"]["username"] == "alice"
    await socket.disconnect()


async def test_a_wrong_token_is_not_signed_in_even_with_a_good_cookie(chat: Rig) -> None:
    socket = Socket(token="chat_wrong", session=await session_of(chat.alice), origin=None)
    assert await socket.connect()
    assert (await socket.receive("close"))["code"] == 4401
    await socket.disconnect()


async def test_another_subprotocol_is_4400(chat: Rig, connect: Connect) -> None:
    socket = await connect(subprotocols=("chat.v9",))
    assert (await socket.receive("close"))["code"] == 4400


async def test_a_session_of_an_old_password_is_not_signed_in(chat: Rig) -> None:
    session = await session_of(chat.alice)

    def change() -> None:
        chat.alice.set_password("something else entirely")
        chat.alice.save()

    await database.write(change)
    socket = Socket(session=session)
    assert await socket.connect()
    assert (await socket.receive("close"))["code"] == 4401
    await socket.disconnect()


async def test_a_disabled_account_is_not_signed_in(chat: Rig) -> None:
    session = await session_of(chat.alice)
    chat.alice.is_active = False
    await database.write(chat.alice.save)
    socket = Socket(session=session)
    assert await socket.connect()
    assert (await socket.receive("close"))["code"] == 4401
    await socket.disconnect()


async def test_a_session_that_ends_ends_the_socket(
    chat: Rig, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.auth.sign_in_watch.EVERY_SECONDS", 0.01)
    monkeypatch.setattr("chat.auth.sign_in_watch.AGE_SECONDS", 0)
    socket = await connect()
    await socket.receive("hello")
    chat.alice.is_active = False
    await database.write(chat.alice.save)
    assert (await socket.receive("close"))["code"] == 4401


async def test_a_send_after_signing_out_starts_nothing(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    await socket.receive("hello")
    await database.write(Session.objects.all().delete)
    await socket.send({"type": "send", "text": "Still me?"})
    assert (await socket.receive("close"))["code"] == 4401
    assert not await chat.engine.log.runs_of(chat.alice.pk)


@pytest.mark.parametrize("other", ['prefs={"a": 1}', "a b=1", "x[y]=1", "=", "é=1"])
async def test_an_odd_cookie_of_another_application_is_ignored(chat: Rig, other: str) -> None:
    session = await session_of(chat.alice)
    scope = {"headers": [(b"cookie", f"{other}; sessionid={session}; z=1".encode("latin1"))]}
    assert await database.read(user_of_scope, scope) == chat.alice


async def test_a_closing_server_sends_a_bye(chat: Rig, connect: Connect) -> None:
    socket = await connect()
    await socket.receive("hello")
    await chat.engine.close()
    bye = await socket.receive("bye")
    assert bye["code"] == 4412
    assert 0 <= bye["retry_ms"] <= 5000
    assert (await socket.receive("close"))["code"] == 4412


@pytest.mark.parametrize("kind", ["subscribe", "stop"])
async def test_a_request_after_signing_out_is_refused(chat: Rig, connect: Connect, kind: str) -> None:
    sent = await chat.send()
    socket = await connect()
    await database.write(Session.objects.all().delete)
    await socket.send({"type": kind, "run_id": sent.run_id})
    assert (await socket.receive("close"))["code"] == 4401
    run = await chat.engine.log.find(sent.run_id)
    assert run is not None
    assert run.is_live


@pytest.mark.parametrize("path", ["/ws/nope", "/ws/chat/", "/"])
async def test_another_path_is_404_if_the_server_supports_it(path: str) -> None:
    socket = WebsocketCommunicator(application, path, [(b"host", b"localhost"), (b"origin", b"http://localhost")])
    socket.scope["extensions"] = {"websocket.http.response": {}}
    await socket.send_input({"type": "websocket.connect"})
    start, body = await socket.receive_output(10), await socket.receive_output(10)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert (body["type"], body["body"]) == ("websocket.http.response.body", b"")


@pytest.mark.parametrize("path", ["/ws/nope", "/ws/chat/", "/"])
async def test_another_path_is_refused(path: str) -> None:
    socket = WebsocketCommunicator(application, path, [(b"host", b"localhost"), (b"origin", b"http://localhost")])
    assert (await socket.connect())[0] is False


async def test_an_idle_socket_keeps_few_tasks_and_coroutines(chat: Rig, connect: Connect) -> None:
    """They take most of the memory of an open socket: about 1 KB per task, 250 bytes per coroutine."""
    await greeted(connect)
    before = asyncio.all_tasks()
    for _ in range(SOCKETS):
        await greeted(connect)
    added = asyncio.all_tasks() - before

    assert len(added) == SOCKETS * TASKS
    assert sum(len(coroutines_of(task)) for task in added) <= SOCKETS * COROUTINES


async def greeted(connect: Connect) -> None:
    assert (await (await connect()).receive())["type"] == "hello"
    # Let its watches start, each up to where it waits.
    for _ in range(10):
        await asyncio.sleep(0)


def coroutines_of(task: asyncio.Task[object]) -> list[object]:
    """The chain of coroutines that the task is waiting in, without those of the test itself."""
    found: list[object] = []
    waiting: Any = task.get_coro()
    while waiting is not None:
        if isinstance(waiting, CoroutineType) and "/tests/" not in waiting.cr_code.co_filename:
            found.append(waiting)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
    return found
