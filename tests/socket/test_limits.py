"""The limits on sockets, for a user and for strangers, and that nobody else is affected by them."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from chat import database
from chat.auth.credentials import user_of_scope
from chat.models import User
from chat.quotas.frames import MISTAKES
from chat.quotas.handshakes import STRANGERS
from chat.quotas.quotas import Quotas, install, quotas
from chat.quotas.redis_connections import RedisConnections
from chat.quotas.requests import Requests
from tests.cast import make_user, session_of
from tests.chat_rig import Rig
from tests.socket.conftest import Connect
from tests.socket.rig import Socket
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)

TABS = 30


async def is_greeted(socket: Socket) -> bool:
    return (await socket.receive())["type"] == "hello"


async def bye(socket: Socket) -> dict[str, Any]:
    """The `bye` frame of a socket that is refused or closed."""
    said = await socket.receive("bye")
    assert (await socket.receive("close"))["code"] == said["code"]
    return said


# --- Sockets


async def test_one_socket_too_many_is_closed_with_4429_and_a_retry_delay(connect: Connect, settings: Any) -> None:
    settings.CHAT_SOCKETS_PER_USER = 2
    for _ in range(2):
        assert await is_greeted(await connect())
    said = await bye(await connect())
    assert said["code"] == 4429
    assert 20_000 <= said["retry_ms"] <= 30_000
    assert await is_greeted(await connect(await database.write(make_user, "bob")))


async def test_with_a_higher_limit_it_is_greeted(connect: Connect, settings: Any) -> None:
    """The control: it is the limit that closes the third."""
    settings.CHAT_SOCKETS_PER_USER = 3
    for _ in range(3):
        assert await is_greeted(await connect())


async def test_a_closed_socket_frees_its_place(connect: Connect, settings: Any) -> None:
    settings.CHAT_SOCKETS_PER_USER = 1
    first = await connect()
    assert await is_greeted(first)
    await first.disconnect()
    second = await connect()
    assert await is_greeted(second)
    refused = await connect()
    await bye(refused)
    await refused.disconnect()
    # The refused socket had no place to give up.
    await bye(await connect())


async def test_a_cancelled_application_frees_its_place(chat: Rig, connect: Connect, settings: Any) -> None:
    """As servers do with an application that does not end by itself."""
    settings.CHAT_SOCKETS_PER_USER = 1
    first = Socket(session=await session_of(chat.alice))
    assert await first.connect()
    assert await is_greeted(first)
    first._socket.future.cancel()
    await asyncio.gather(first._socket.future, return_exceptions=True)
    assert await is_greeted(await connect())


@pytest.mark.redis
async def test_sockets_in_another_process_count_too(
    connect: Connect, chat: Rig, settings: Any, shared_redis: RedisServer
) -> None:
    settings.CHAT_SOCKETS_PER_USER = 3
    prefix = f"{uuid.uuid4()}:"
    here, there = (RedisConnections(shared_redis.url, prefix=prefix) for _ in range(2))
    install(Quotas(here))
    for _ in range(2):
        await there.open("sockets", chat.alice.pk, limit=3)
    assert await is_greeted(await connect())
    assert (await bye(await connect()))["code"] == 4429
    await there.close()
    assert await is_greeted(await connect())
    await here.close()


@pytest.mark.redis
async def test_while_redis_is_down_sockets_are_accepted(
    connect: Connect, settings: Any, own_redis: RedisServer
) -> None:
    settings.CHAT_SOCKETS_PER_USER = 2
    own_redis.kill()
    counted = RedisConnections(own_redis.url)
    install(Quotas(counted))
    for _ in range(2):
        assert await is_greeted(await connect())
    assert (await bye(await connect()))["code"] == 4429
    await counted.close()


async def test_thirty_tabs_stay_under_the_limits(chat: Rig, connect: Connect) -> None:
    """With the default limits, even if all reconnect while their old sockets are still open."""
    sent = await chat.send()
    sockets = [await connect() for _ in range(TABS)]
    sockets += [await connect() for _ in range(TABS)]
    for socket in sockets:
        assert await is_greeted(socket)
    for socket in sockets[TABS:]:
        assert (await socket.ask("subscribe", run_id=sent.run_id))["type"] == "ok"
        assert (await socket.ask("unsubscribe", run_id=sent.run_id))["type"] == "ok"


# --- Frames


NOTHING = '{"type":"unsubscribe","run_id":"00000000-0000-4000-8000-000000000000"}'


async def flood(socket: Socket, frames: int, frame: str | bytes = NOTHING) -> None:
    for _ in range(frames):
        await socket.send(frame)


async def test_sockets_below_their_own_limit_can_flood_together(connect: Connect, settings: Any) -> None:
    settings.CHAT_FRAMES_PER_SECOND_PER_USER = 20
    sockets = [await connect() for _ in range(4)]
    bystander = await connect(await database.write(make_user, "bob"))
    for socket in (*sockets, bystander):
        assert await is_greeted(socket)
    for socket in sockets[:2]:
        await flood(socket, 10)
    # This one sends the frame that exceeds the limit.
    await flood(sockets[2], 1)
    said = await bye(sockets[2])
    assert said["code"] == 4429
    assert said["retry_ms"] >= 5000
    assert (await sockets[0].receive())["type"] == "ok"
    assert (await bystander.ask("unsubscribe", run_id=str(uuid.uuid4())))["type"] == "ok"


async def test_with_a_higher_limit_together_they_are_no_flood(connect: Connect, settings: Any) -> None:
    """The control: it is the limit that closes the one above."""
    settings.CHAT_FRAMES_PER_SECOND_PER_USER = 1000
    sockets = [await connect() for _ in range(4)]
    for socket in sockets:
        assert await is_greeted(socket)
        await flood(socket, 10)
    for socket in sockets:
        for _ in range(10):
            assert (await socket.receive())["type"] == "ok"


@pytest.mark.parametrize(
    "frame", [b"\x00", "no JSON", '{"type":"execute"}', '{"type":"ack","frame":0}', '{"type":"ack","frame":99}']
)
async def test_every_kind_of_frame_counts(connect: Connect, settings: Any, frame: str | bytes) -> None:
    settings.CHAT_FRAMES_PER_SECOND_PER_USER = 10
    sockets = [await connect() for _ in range(2)]
    for socket in sockets:
        assert await is_greeted(socket)
    await flood(sockets[0], 10, frame)
    await flood(sockets[1], 1, frame)
    assert (await bye(sockets[1]))["code"] == 4429


async def test_acknowledgements_that_move_the_window_do_not_count(chat: Rig, connect: Connect, settings: Any) -> None:
    settings.CHAT_FRAMES_PER_SECOND_PER_USER = 10
    socket = await connect()
    assert await is_greeted(socket)
    sent = await chat.send()
    assert (await socket.ask("subscribe", run_id=sent.run_id))["type"] == "ok"
    for number in range(40):
        frame = await socket.receive("events")
        await socket.send({"type": "ack", "frame": frame["frame"]})
        chat.provider.say(f"piece {number}")
    assert (await socket.ask("unsubscribe", run_id=sent.run_id))["type"] == "ok"


async def test_frames_after_the_close_are_dropped(connect: Connect, settings: Any) -> None:
    settings.CHAT_FRAMES_PER_SECOND = 5
    socket = await connect()
    assert await is_greeted(socket)
    await flood(socket, 6)
    await bye(socket)
    await flood(socket, 500)
    assert await socket.is_silent()
    assert [count for count, _ in quotas().floods._floods.values()] == [1]


async def test_frames_of_a_stalled_reader_are_still_consumed(chat: Rig, settings: Any) -> None:
    """The goodbye waits for a client that reads nothing but keeps sending. Its frames must not pile up meanwhile."""
    settings.CHAT_FRAMES_PER_SECOND = 5
    socket = Socket(session=await session_of(chat.alice))
    assert await socket.connect()
    assert await is_greeted(socket)
    never = asyncio.Event()
    communicator = socket._socket
    put = communicator.output_queue.put

    async def blocked(message: dict[str, Any]) -> None:
        if "bye" in message.get("text", ""):
            await never.wait()
        await put(message)

    communicator.output_queue.put = blocked  # type: ignore[method-assign]
    await flood(socket, 6)
    await flood(socket, 500)
    async with asyncio.timeout(1):
        while communicator.input_queue.qsize():
            await asyncio.sleep(0)
    await socket.disconnect()


async def test_repeated_floods_block_a_user_for_a_while(chat: Rig, connect: Connect, settings: Any) -> None:
    settings.CHAT_FRAMES_PER_SECOND = 5
    for _ in range(MISTAKES + 1):
        socket = await connect()
        assert await is_greeted(socket)
        await flood(socket, 6)
        last = await bye(socket)
    assert last["retry_ms"] >= 20_000
    refused = await bye(await connect())
    assert refused["code"] == 4429
    assert refused["retry_ms"] > 15_000
    assert await is_greeted(await connect(await database.write(make_user, "bob")))


async def test_a_first_flood_blocks_no_one(connect: Connect, settings: Any) -> None:
    """The control for the test above."""
    settings.CHAT_FRAMES_PER_SECOND = 5
    for _ in range(MISTAKES):
        socket = await connect()
        assert await is_greeted(socket)
        await flood(socket, 6)
        await bye(socket)
    assert await is_greeted(await connect())


# --- Handshakes


class Looks:
    """Counts how often credentials are looked up in the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0

        def counted(scope: Any) -> User | None:
            self.count += 1
            return user_of_scope(scope)

        monkeypatch.setattr("chat.socket.consumer.user_of_scope", counted)


async def knock(session: str) -> int:
    socket = Socket(session=session)
    assert await socket.connect()
    code: int = (await bye(socket))["code"]
    await socket.disconnect()
    return code


async def test_database_lookups_for_strangers_are_limited(
    chat: Rig, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await is_greeted(await connect())
    monkeypatch.setattr("chat.socket.consumer.DEAF_SECONDS", 0)
    looks = Looks(monkeypatch)
    codes = [await knock(f"nosuchsession{number}") for number in range(STRANGERS + 20)]
    assert codes == [4401] * STRANGERS + [4429] * 20
    assert looks.count == STRANGERS


async def test_a_known_user_can_connect_whatever_strangers_do(chat: Rig) -> None:
    session = await session_of(chat.alice)
    for again in range(2):
        socket = Socket(session=session)
        assert await socket.connect()
        assert await is_greeted(socket)
        await socket.disconnect()
        if not again:
            for number in range(STRANGERS + 5):
                await knock(f"nosuchsession{number}")


async def test_a_handshake_without_credentials_does_no_lookup(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[str] = []
    monkeypatch.setattr("chat.auth.credentials.user_of_session", lambda key: queries.append(key))
    assert [await knock("") for _ in range(STRANGERS + 5)] == [4401] * (STRANGERS + 5)
    assert queries == []


async def test_repeated_connects_are_limited(chat: Rig, settings: Any) -> None:
    settings.CHAT_SOCKETS_PER_USER = 2
    session = await session_of(chat.alice)
    for _ in range(4):
        socket = Socket(session=session)
        assert await socket.connect()
        assert await is_greeted(socket)
        await socket.disconnect()
    assert await knock(session) == 4429


# --- Requests


async def test_requests_of_all_sockets_are_queued_but_a_stop_is_not(chat: Rig, connect: Connect) -> None:
    made = quotas()
    made.requests = Requests(1, waiting=1)
    sent = await chat.send()
    sockets = [await connect() for _ in range(2)]
    for socket in sockets:
        assert await is_greeted(socket)
    async with made.requests.turn(chat.alice.pk):
        await sockets[0].send({"type": "subscribe", "ref": 1, "run_id": sent.run_id})
        reply = await sockets[1].ask("unsubscribe", run_id=sent.run_id)
        assert (reply["code"], reply["retryable"], reply["retry_after"]) == ("too_many_requests", True, 1)
        assert (await sockets[1].ask("stop", run_id=sent.run_id))["type"] == "ok"
    assert (await sockets[0].receive("ok"))["ref"] == 1


async def test_send_attempts_are_counted_before_any_lookup(chat: Rig, connect: Connect, settings: Any) -> None:
    settings.CHAT_SENDS_PER_MINUTE = 1
    socket = await connect()
    assert await is_greeted(socket)
    nowhere = {"conversation_id": str(uuid.uuid4()), "text": "Hello"}
    codes = [(await socket.ask("send", **nowhere))["code"] for _ in range(5)]
    assert codes == ["not_found"] * 4 + ["rate_limited"]


async def test_runs_followed_by_a_user_are_limited(
    chat: Rig, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.socket.followers.FOLLOWED_RUNS_PER_USER", 2)
    sent = await chat.send()
    sockets = [await connect() for _ in range(3)]
    for socket in sockets:
        assert await is_greeted(socket)
    for socket in sockets[:2]:
        for _ in range(3):
            assert (await socket.ask("subscribe", run_id=sent.run_id))["type"] == "ok"
    assert (await sockets[2].ask("subscribe", run_id=sent.run_id))["code"] == "too_many_runs"
    assert (await sockets[0].ask("unsubscribe", run_id=sent.run_id))["type"] == "ok"
    assert (await sockets[2].ask("subscribe", run_id=sent.run_id))["type"] == "ok"
    await sockets[1].disconnect()
    assert quotas().followed.count(chat.alice.pk) == 1
