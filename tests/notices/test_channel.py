"""Notices over a channel layer: in memory, and in Redis, which may fail and forget who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers
from channels_redis.core import RedisChannelLayer
from django.test import override_settings
from redis.asyncio import Redis

from chat.notices import channel
from chat.notices import redis_layer as layers
from chat.notices.redis_layer import NoticeLayer
from chatsite.channel_layers import redis_layer
from tests.streams.redis_proxy import redis_proxy
from tests.streams.redis_server import RedisServer

SECONDS = 30
LONGER_THAN_THE_LAYER_WAITS = 6


@contextmanager
def layer_in(url: str) -> Iterator[None]:
    with override_settings(CHANNEL_LAYERS={"default": redis_layer(url)}):
        channel_layers.backends.clear()
        yield
    channel_layers.backends.clear()


@pytest.fixture
def layer(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(channel, "JOIN_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(layers, "ANSWER_SECONDS", LONGER_THAN_THE_LAYER_WAITS)
    with layer_in(own_redis.url):
        yield own_redis


class SlowLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels is untyped
    """Changes a group only once `may_join` or `may_leave` is set. `asked` is set when a call begins to wait."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.asked = asyncio.Event()
        self.may_join = asyncio.Event()
        self.may_leave = asyncio.Event()

    async def group_add(self, group: str, channel: str) -> None:
        self.asked.set()
        await self.may_join.wait()
        await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.asked.set()
        await self.may_leave.wait()
        await super().group_discard(group, channel)


@pytest.fixture
def slow_layer() -> Iterator[SlowLayer]:
    with override_settings(CHANNEL_LAYERS={"default": {"BACKEND": "tests.notices.test_channel.SlowLayer"}}):
        channel_layers.backends.clear()
        yield channel_layers["default"]
    channel_layers.backends.clear()


@pytest.mark.redis
async def test_a_notice_reaches_every_listener_of_its_user(layer: RedisServer) -> None:
    async with asyncio.timeout(SECONDS), channel.listen(1) as one, channel.listen(1) as two, channel.listen(2):
        await channel.publish(1, {"kind": "run_started"})
        for heard in (one, two):
            assert await anext(heard) == {"type": "notice", "kind": "run_started"}


@pytest.mark.redis
async def test_a_process_subscribes_to_a_user_once(layer: RedisServer) -> None:
    async def channels() -> int:
        return await asyncio.to_thread(layer.command, "ZCARD", "chat:notices:group:user.1")

    async with asyncio.timeout(SECONDS):
        async with channel.listen(1):
            async with channel.listen(1), channel.listen(2):
                assert await channels() == 1
            assert await channels() == 1
        assert await channels() == 0


async def test_only_a_slow_listener_loses_its_oldest_notices() -> None:
    numbers = list(range(channel.BACKLOG + 7))
    async with asyncio.timeout(SECONDS), channel.listen(1) as behind, channel.listen(1) as quick:
        for number in numbers:
            await channel.publish(1, {"kind": "counted", "number": number})
            assert (await anext(quick))["number"] == number
        assert [(await anext(behind))["number"] for _ in range(channel.BACKLOG)] == numbers[7:]


async def test_a_burst_is_received_completely() -> None:
    """Hundreds of users' answers end at once, before the process has read a single notice."""
    owners = range(1, 301)
    async with asyncio.timeout(SECONDS), AsyncExitStack() as listening:
        hearing = [await listening.enter_async_context(channel.listen(owner)) for owner in owners]
        await asyncio.gather(*(channel.publish(owner, {"kind": "ended", "number": owner}) for owner in owners))
        assert [(await anext(heard))["number"] for heard in hearing] == list(owners)


async def test_a_listener_joining_while_the_last_leaves_gets_notices(slow_layer: SlowLayer) -> None:
    slow_layer.may_join.set()
    async with asyncio.timeout(SECONDS), channel.listen(2), AsyncExitStack() as first, AsyncExitStack() as second:
        await first.enter_async_context(channel.listen(1))
        slow_layer.asked.clear()
        leaving = asyncio.create_task(first.aclose())
        await slow_layer.asked.wait()
        coming = asyncio.create_task(second.enter_async_context(channel.listen(1)))
        # Long enough for it to finish, if it did not wait.
        await asyncio.sleep(0.01)
        slow_layer.may_leave.set()
        await leaving
        heard = await coming
        await channel.publish(1, {"kind": "first"})
        assert (await anext(heard))["kind"] == "first"


async def test_a_listener_cancelled_while_joining_leaves_nothing_behind(
    slow_layer: SlowLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "JOIN_AGAIN_SECONDS", 0.01)
    slow_layer.may_leave.set()
    async with asyncio.timeout(SECONDS):
        coming = asyncio.create_task(channel.listen(1).__aenter__())
        await slow_layer.asked.wait()
        coming.cancel()
        await asyncio.wait([coming])
        slow_layer.may_join.set()
        async with channel.listen(2):
            slow_layer.groups.clear()
            while not slow_layer.groups:
                await asyncio.sleep(0.01)
            assert list(slow_layer.groups) == ["user.2"]


@pytest.mark.redis
async def test_listeners_recover_after_redis_lost_its_data(layer: RedisServer) -> None:
    async with asyncio.timeout(SECONDS), channel.listen(1) as heard:
        await channel.publish(1, {"kind": "first"})
        assert (await anext(heard))["kind"] == "first"
        hearing = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0)
        layer.kill()
        layer.start()
        while not hearing.done():
            await channel.publish(1, {"kind": "second"})
            await asyncio.wait({hearing}, timeout=0.1)
        assert hearing.result()["kind"] == "second"


@pytest.mark.redis
async def test_publishing_does_not_wait_for_a_hanging_redis(layer: RedisServer) -> None:
    layer.pause()
    async with asyncio.timeout(2 * channel.LAYER_SECONDS):
        await channel.publish(1, {"kind": "unheard"})
    layer.resume()


@pytest.mark.redis
async def test_listening_can_start_while_redis_is_down(layer: RedisServer) -> None:
    layer.kill()
    async with asyncio.timeout(SECONDS), channel.listen(1) as heard:
        hearing = asyncio.ensure_future(anext(heard))
        layer.start()
        while not hearing.done():
            await channel.publish(1, {"kind": "late"})
            await asyncio.wait({hearing}, timeout=0.1)
        assert hearing.result()["kind"] == "late"


@pytest.mark.redis
async def test_a_silently_lost_redis_connection_is_dropped(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "ANSWER_SECONDS", LONGER_THAN_THE_LAYER_WAITS)
    async with asyncio.timeout(SECONDS), redis_proxy(own_redis.socket) as proxy:
        with layer_in(proxy.url):
            async with channel.listen(1) as heard:
                hearing = asyncio.ensure_future(anext(heard))
                await channel.publish(1, {"kind": "first"})
                assert (await hearing)["kind"] == "first"
                hearing = asyncio.ensure_future(anext(heard))
                await asyncio.sleep(0)
                proxy.mute = True
                await proxy.muted()
                proxy.mute = False
                while not hearing.done():
                    await channel.publish(1, {"kind": "second"})
                    await asyncio.wait({hearing}, timeout=0.2)
                assert hearing.result()["kind"] == "second"
            await channel_layers["default"].close_pools()


@pytest.mark.redis
async def test_cancelling_a_listener_works_while_notices_arrive(layer: RedisServer) -> None:
    """With a socket_timeout, redis-py sends by `asyncio.wait_for`, which may swallow a cancellation in Python 3.11."""

    async def listen() -> None:
        async with channel.listen(1) as heard:
            async for _ in heard:
                """Only the cancellation matters."""

    async def tell() -> None:
        while True:
            await channel.publish(1, {"kind": "busy"})

    telling = asyncio.create_task(tell())
    for listeners in range(60):
        listening = [asyncio.create_task(listen()) for _ in range(4)]
        await asyncio.sleep(0.01 + listeners / 20_000)
        for each in listening:
            each.cancel()
        _, still = await asyncio.wait(listening, timeout=SECONDS)
        assert not still
    telling.cancel()
    await asyncio.wait([telling])


@pytest.mark.redis
@pytest.mark.parametrize("kind", [NoticeLayer, RedisChannelLayer])
async def test_a_killed_process_leaves_only_expiring_keys(
    kind: type[RedisChannelLayer], own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill may leave behind what exists after any command. The library's own class is the control."""
    stayed: set[bytes] = set()
    execute = Redis.execute_command

    async def execute_and_look(self: Redis, *arguments: object, **options: object) -> object:
        answer = await execute(self, *arguments, **options)
        stayed.update(await asyncio.to_thread(own_redis.keys_that_stay))
        return answer

    monkeypatch.setattr(Redis, "execute_command", execute_and_look)
    layer = kind(hosts=[own_redis.url], prefix="chat:notices")
    channel = await layer.new_channel()
    async with asyncio.timeout(SECONDS):
        await layer.group_add("user.1", channel)
        await layer.group_send("user.1", {"type": "notice"})
        await layer.receive(channel)
        await layer.group_discard("user.1", channel)
        await layer.close_pools()
    kinds = {key.rpartition(b"$")[2] if b"$" in key else key.split(b":")[2] for key in stayed}
    assert kinds == (set() if kind is NoticeLayer else {b"inflight", b"group"})
