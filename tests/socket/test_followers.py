from __future__ import annotations

import asyncio
import uuid

import pytest

from chat.protocol.errors import ApiError
from chat.quotas.quotas import quotas
from chat.quotas.requests import Tally
from chat.socket.followers import Followers
from chat.socket.requests import SocketRequests
from chat.socket.window import Window
from chat.socket.writer import SocketWriter
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)


def followers_of(chat: Rig, lost: list[str] | None = None) -> tuple[Followers, list[str]]:
    sent: list[str] = []
    told = lost if lost is not None else []

    async def write(frame: str) -> None:
        sent.append(frame)

    def lost_one(run_id: str, refusal: ApiError) -> None:
        told.append(run_id)

    return Followers(chat.engine, Window(), write, lost_one, user_id=chat.alice.pk, tally=Tally()), sent


async def readers_of(chat: Rig, run_id: str) -> int:
    return chat.engine.log._runs[run_id]._followers  # type: ignore[attr-defined]


async def test_only_one_of_two_concurrent_subscriptions_follows(chat: Rig) -> None:
    sent = await chat.send()
    run = await chat.engine.find(chat.alice.pk, sent.run_id)
    followers, _ = followers_of(chat)
    await followers.start(sent.run_id, run, None, request=followers.request(sent.run_id))
    numbers = [followers.request(sent.run_id) for _ in range(2)]
    await asyncio.gather(*(followers.start(sent.run_id, run, None, request=number) for number in numbers))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await readers_of(chat, sent.run_id) == 1
    await followers.close()
    assert await readers_of(chat, sent.run_id) == 0


async def test_an_unsubscribe_cancels_a_pending_subscription(chat: Rig) -> None:
    sent = await chat.send()
    run = await chat.engine.find(chat.alice.pk, sent.run_id)
    followers, _ = followers_of(chat)
    number = followers.request(sent.run_id)
    await followers.stop(sent.run_id)
    await followers.start(sent.run_id, run, None, request=number)
    assert not followers.follows(sent.run_id)


async def test_nothing_is_remembered_of_a_run_that_is_not_found(chat: Rig) -> None:
    """A socket may be open for a day, and ask for another id in every frame."""
    followers, _ = followers_of(chat)
    writer = SocketWriter(no_send)
    requests = SocketRequests(
        chat.engine, chat.alice.pk, followers=followers, writer=writer, quotas=quotas(), find_user=lambda: chat.alice
    )
    for _ in range(3):
        request = requests.find({"type": "subscribe", "ref": 1, "run_id": str(uuid.uuid4())})
        assert request is not None
        await request()
    assert followers._requests == {}


async def no_send(message: object) -> None:
    """Nobody reads the replies."""


async def test_a_run_dropped_before_reading_is_read_from_the_database(chat: Rig) -> None:
    sent = await chat.turn("Q", "A")
    run = await chat.engine.find(chat.alice.pk, sent.run_id)
    await chat.engine.log.forget(sent.run_id)
    followers, frames = followers_of(chat)
    await followers.start(sent.run_id, run, None, request=followers.request(sent.run_id))
    while followers.count:
        await asyncio.sleep(0.01)
    assert '"event":"done"' in frames[-1]


async def test_a_run_that_no_longer_exists_is_reported_as_lost(chat: Rig) -> None:
    sent = await chat.turn("Q", "A")
    run = await chat.engine.find(chat.alice.pk, sent.run_id)
    await chat.engine.log.forget(sent.run_id)
    lost: list[str] = []
    followers, _ = followers_of(chat, lost)
    from chat import database
    from chat.models import Message

    await database.write(Message.objects.all().delete)
    await followers.start(sent.run_id, run, None, request=followers.request(sent.run_id))
    while followers.count:
        await asyncio.sleep(0.01)
    assert lost == [sent.run_id]


async def test_followed_runs_are_limited(chat: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.socket.followers.FOLLOWED_RUNS", 1)
    sent = await chat.send()
    run = await chat.engine.find(chat.alice.pk, sent.run_id)
    followers, _ = followers_of(chat)
    await followers.start(sent.run_id, run, None, request=followers.request(sent.run_id))
    followers.check_room(sent.run_id)
    with pytest.raises(ApiError) as refused:
        followers.check_room()
    assert refused.value.code == "too_many_runs"
    await followers.close()


async def test_a_large_frame_is_not_starved_by_small_ones() -> None:
    window = Window(100)
    assert [await window.take(40) for _ in range(2)] == [1, 2]
    large = asyncio.create_task(window.take(500))
    await asyncio.sleep(0)
    small = asyncio.create_task(window.take(10))
    opened = asyncio.create_task(window.opened())
    window.acknowledge(1)
    await asyncio.sleep(0)
    assert not large.done()
    assert not small.done()
    assert not opened.done()
    window.acknowledge(2)
    assert await asyncio.wait_for(large, 60) == 3
    window.acknowledge(3)
    assert await asyncio.wait_for(small, 60) == 4
    await asyncio.wait_for(opened, 60)
