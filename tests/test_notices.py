"""Notices over a channel layer in Redis, which may go away and forget who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from channels.layers import channel_layers
from channels_redis.core import RedisChannelLayer
from django.test import override_settings

from chat import notice_layer, notices
from chat.notice_layer import NoticeLayer
from chatsite.channel_layers import redis_layer
from tests.streams.redis_proxy import redis_proxy
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis

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
    monkeypatch.setattr(notices, "JOIN_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(notice_layer, "ANSWER_SECONDS", LONGER_THAN_THE_LAYER_WAITS)
    with layer_in(own_redis.url):
        yield own_redis


async def test_a_notice_reaches_every_listener_of_its_user(layer: RedisServer) -> None:
    async with asyncio.timeout(SECONDS), notices.listen(1) as one, notices.listen(1) as two, notices.listen(2):
        await notices.publish(1, {"kind": "run_started"})
        for heard in (one, two):
            assert await anext(heard) == {"type": "notice", "kind": "run_started"}


async def test_notices_are_heard_again_after_redis_has_forgotten_who_listens(layer: RedisServer) -> None:
    async with asyncio.timeout(SECONDS), notices.listen(1) as heard:
        await notices.publish(1, {"kind": "first"})
        assert (await anext(heard))["kind"] == "first"
        hearing = asyncio.ensure_future(anext(heard))
        await asyncio.sleep(0)
        layer.kill()
        layer.start()
        while not hearing.done():
            await notices.publish(1, {"kind": "second"})
            await asyncio.wait({hearing}, timeout=0.1)
        assert hearing.result()["kind"] == "second"


async def test_publishing_waits_for_no_redis_that_stands_still(layer: RedisServer) -> None:
    layer.pause()
    async with asyncio.timeout(2 * notices.LAYER_SECONDS):
        await notices.publish(1, {"kind": "unheard"})
    layer.resume()


async def test_listening_begins_while_redis_is_away(layer: RedisServer) -> None:
    layer.kill()
    async with asyncio.timeout(SECONDS), notices.listen(1) as heard:
        hearing = asyncio.ensure_future(anext(heard))
        layer.start()
        while not hearing.done():
            await notices.publish(1, {"kind": "late"})
            await asyncio.wait({hearing}, timeout=0.1)
        assert hearing.result()["kind"] == "late"


async def test_a_redis_that_went_away_without_a_word_is_given_up(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_layer, "ANSWER_SECONDS", LONGER_THAN_THE_LAYER_WAITS)
    async with asyncio.timeout(SECONDS), redis_proxy(own_redis.socket) as proxy:
        with layer_in(proxy.url):
            async with notices.listen(1) as heard:
                hearing = asyncio.ensure_future(anext(heard))
                await notices.publish(1, {"kind": "first"})
                assert (await hearing)["kind"] == "first"
                hearing = asyncio.ensure_future(anext(heard))
                await asyncio.sleep(0)
                proxy.mute = True
                await proxy.muted()
                proxy.mute = False
                while not hearing.done():
                    await notices.publish(1, {"kind": "second"})
                    await asyncio.wait({hearing}, timeout=0.2)
                assert hearing.result()["kind"] == "second"
            await channel_layers["default"].close_pools()


async def test_who_stops_listening_stops_at_once_whatever_arrives_just_then(layer: RedisServer) -> None:
    """With a socket_timeout, redis-py sends by `asyncio.wait_for`, which may swallow a cancellation in Python 3.11."""

    async def listen() -> None:
        async with notices.listen(1) as heard:
            async for _ in heard:
                """Only the way out is of interest."""

    async def tell() -> None:
        while True:
            await notices.publish(1, {"kind": "busy"})

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


@pytest.mark.parametrize("kind", [NoticeLayer, RedisChannelLayer])
async def test_a_process_that_is_killed_while_it_takes_a_notice_leaves_nothing_for_ever(
    kind: type[RedisChannelLayer], own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own class is the control."""
    layer = kind(hosts=[own_redis.url], prefix="chat:notices")

    async def killed(index: int, channel: str) -> None:
        """It does not come to take the message out of the place where it is kept meanwhile."""

    monkeypatch.setattr(layer, "_clean_receive_backup", killed)
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "notice"})
    async with asyncio.timeout(SECONDS):
        await layer.receive(channel)
    await layer.close_pools()
    kept = own_redis.command("KEYS", "*$inflight")
    assert kept
    assert own_redis.keys_that_stay() == ([] if kind is NoticeLayer else kept)
