from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import ConnectionPool

from chat.streams.redis.subscriptions import Subscriptions
from tests.streams.processes import SECONDS
from tests.streams.redis_proxy import redis_proxy
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis


@pytest.mark.parametrize("begun", [False, True])
async def test_a_silently_lost_redis_connection_is_dropped(own_redis: RedisServer, begun: bool) -> None:
    """Both while subscribed and while connecting, it does not wait for replies that never come."""
    connected = asyncio.Event()
    async with asyncio.timeout(SECONDS), redis_proxy(own_redis.socket) as proxy:
        pool = ConnectionPool.from_url(proxy.url, socket_timeout=None)
        made = Subscriptions(pool, on_message=lambda *_: None, on_connect=connected.set, ping_seconds=0.1)
        if begun:
            made.add("one")
            await made.subscribed("one")
        proxy.mute = True
        made.add("two")
        await proxy.muted()
        connected.clear()
        proxy.mute = False
        await connected.wait()
        await made.subscribed("two")
        await made.close()
