"""Builds the engine of an event loop. Only this module reads the settings for it."""

from __future__ import annotations

import asyncio
import contextvars
from weakref import WeakKeyDictionary

from django.conf import settings

from chat.generation.detected_assistants import connect, provider_settings
from chat.generation.engine import Engine
from chat.generation.mcp_servers import McpServers
from chat.generation.recorder import Recorder
from chat.streams.base import Budget, StreamLog
from chat.streams.memory import MemoryLog
from chat.streams.redis.log import RedisLog
from chat.tools import bootstrap as tools

_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Engine]] = WeakKeyDictionary()


async def engine() -> Engine:
    """This event loop's engine, built from the settings on first use."""
    loop = asyncio.get_running_loop()
    task = _engines.get(loop)
    if task is None or (task.done() and (task.cancelled() or task.exception())):
        # In a fresh context and shielded: the first caller may be a request that is cancelled meanwhile.
        task = _engines[loop] = loop.create_task(build(), context=contextvars.Context())
    return await asyncio.shield(task)


def engine_if_ready() -> Engine | None:
    """This event loop's engine if it is already built, for callers that must not wait."""
    task = _engines.get(asyncio.get_running_loop())
    return task.result() if task and task.done() and not task.cancelled() and not task.exception() else None


def install(chat: Engine) -> None:
    """Use this engine in the running event loop instead of one built from the settings."""
    _engines[asyncio.get_running_loop()] = asyncio.ensure_future(_given(chat))


async def _given(chat: Engine) -> Engine:
    return chat


async def build() -> Engine:
    """Build an engine from the settings and start it."""
    providers, models, accounts = await connect(provider_settings())
    budget = Budget(settings.CHAT_LOG_BYTES, settings.CHAT_LOG_BYTES_PER_USER)
    log: StreamLog = RedisLog(settings.REDIS_URL, budget=budget) if settings.REDIS_URL else MemoryLog(budget=budget)
    recorder = Recorder(patience=settings.CHAT_SAVE_SECONDS)
    servers = McpServers()
    await servers.look()
    chat = Engine(log, providers, recorder, models, accounts, tools.registry(), servers)
    await chat.start()
    return chat
