"""An engine with a scripted provider, installed in the running loop: the base of the transport tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from chat import database
from chat.generation import bootstrap
from chat.generation.engine import Engine, Sent
from chat.generation.recorder import Recorder
from chat.generation.requests import SendRequest
from chat.models import Assistant, User
from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry
from chat.providers.registry import Registry
from chat.streams.base import StreamLog
from chat.streams.memory import MemoryLog
from chat.tools.registry import Registry as Tools
from tests.cast import make_user
from tests.scripted import ScriptedProvider

LIMIT = 1_000_000


@dataclass
class Rig:
    engine: Engine
    provider: ScriptedProvider
    alice: User
    charlie: User

    async def send(self, text: str = "Hello", **fields: object) -> Sent:
        request = SendRequest.parse({"text": text, **fields}, characters=100_000)
        return await self.engine.send(self.alice.pk, request)

    async def again(self, **fields: object) -> Sent:
        """Send a request without text, for another answer to a saved question."""
        return await self.engine.send(self.alice.pk, SendRequest.parse(fields, characters=100_000))

    async def events(self, run_id: str, after: Cursor | None = None) -> list[Entry]:
        """Follow to the terminal event."""
        async with asyncio.timeout(60):
            run = await self.engine.find(self.alice.pk, run_id)
            async with aclosing(self.engine.follow(run, after, limit=LIMIT)) as batches:
                return [entry async for batch in batches for entry in batch.entries]

    async def turn(self, text: str = "Hello", answer: str = "Hi!", **fields: object) -> Sent:
        """A whole turn, saved."""
        sent = await self.send(text, **fields)
        self.provider.say(answer)
        self.provider.finish()
        await self.events(sent.run_id)
        return sent


@asynccontextmanager
async def rig(log: StreamLog | None = None, *, tools: Tools | None = None) -> AsyncIterator[Rig]:
    """alice owns what is made here, charlie must see nothing. The test needs `transactional_db`.

    `tools`: the assistant may use all of them.
    """
    provider = ScriptedProvider()
    providers = Registry({"scripted": lambda: provider})
    engine = Engine(log or MemoryLog(), providers, Recorder(patience=5), tools=tools)
    bootstrap.install(engine)
    alice = await database.write(make_user, "alice")
    charlie = await database.write(make_user, "charlie")
    await database.write(
        Assistant.objects.create,
        name="Scripted",
        slug="scripted",
        provider="scripted",
        model="m-1",
        is_default=True,
        tools={tool.key: "allow" for tool in tools or ()},
    )
    try:
        yield Rig(engine, provider, alice, charlie)
    finally:
        await engine.close()
