"""A server is lost while an answer waits for a person, or goes on with what a person has decided."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import cast

import pytest

from chat.generation.engine import Engine, Sent
from chat.generation.recorder import Recorder
from chat.generation.replies import decisions_of
from chat.generation.requests import SendRequest
from chat.generation.run import Completion, turn_completed, turn_from_log
from chat.models import Assistant, Decision, Message
from chat.models.step import waiting_of
from chat.protocol.events import Entry
from chat.protocol.parts import ToolCall, fold
from chat.providers.base import Finish, ToolResult, ToolUse
from chat.providers.registry import Registry
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.generation.test_takeover import COMPLETION, Server, Site, site
from tests.streams.processes import eventually, value

__all__ = ["site"]

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

runs: list[str] = []


class Gate:
    """Holds slow tools until the test opens it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()


gate = Gate()


@tool(side_effects=True)
async def pay(name: str) -> str:
    """Pay, slowly."""
    runs.append(name)
    await gate.open.wait()
    return f"{name} is paid"


@tool(side_effects=False)
async def look(name: str) -> str:
    """Look, slowly."""
    runs.append(name)
    await gate.open.wait()
    return f"saw {name}"


TOOLS = Tools([define(each, source="local") for each in (pay, look)])


@pytest.fixture(autouse=True)
async def _tools(site: Site) -> AsyncIterator[None]:
    runs.clear()
    gate.__init__()  # type: ignore[misc]
    await Assistant.objects.all().aupdate(tools={made.key: "ask" for made in TOOLS})
    yield
    gate.open.set()


def server(site: Site) -> Server:
    made = site.server()
    made.engine = Engine(made.log, Registry({"scripted": lambda: made.provider}), Recorder(patience=5), tools=TOOLS)
    made.engine.takeover._look_seconds = 0.02
    site._stack.push_async_callback(made.engine.close)
    return made


async def waiting(here: Server, name: str) -> Message:
    here.provider.say("I try. ")
    here.provider.put(ToolUse("c00000001", name, json.dumps({"name": "heron"})), Finish("tool_calls"))
    sent = await here.send()
    await here.events(sent.run_id)
    return await Message.objects.aget(run_id=sent.run_id)


async def allow(site: Site, here: Server, message: Message) -> Sent:
    body = {"decisions": [{"call_id": "c00000001", "decision": "allow"}]}
    return await here.engine.send(site.alice.pk, SendRequest.reply(str(message.pk), decisions_of(body), body))


async def go_on_elsewhere(here: Server, there: Server, sent: Sent) -> list[Entry]:
    """The events of the run after its server was closed in the middle of the call."""
    await eventually(lambda: value(runs == ["heron"]))
    reading = asyncio.create_task(there.events(sent.run_id))
    there.provider.say("Done.")
    there.provider.finish()
    there.engine.takeover.start()
    await here.engine.close()
    await eventually(lambda: value(len(there.provider.requests) == 1 or len(runs) == 2))
    gate.open.set()
    return await reading


def call_of(entries: list[Entry]) -> ToolCall:
    [call] = [part for part in fold(entries) if isinstance(part, ToolCall)]
    return call


async def test_an_allowed_payment_is_not_made_twice(site: Site) -> None:
    here, there = server(site), server(site)
    message = await waiting(here, "pay")
    entries = await go_on_elsewhere(here, there, await allow(site, here, message))

    assert runs == ["heron"]
    assert (call_of(entries).state, call_of(entries).code) == ("failed", "unknown_outcome")
    [result] = [each for each in there.provider.requests[0].messages if isinstance(each, ToolResult)]
    assert result.is_error


async def test_the_next_server_does_not_ask_again(site: Site) -> None:
    here, there = server(site), server(site)
    message = await waiting(here, "look")
    sent = await allow(site, here, message)
    entries = await go_on_elsewhere(here, there, sent)

    assert runs == ["heron", "heron"]
    assert (call_of(entries).state, call_of(entries).result) == ("done", "saw heron")
    answer = await Message.objects.aget(run_id=sent.run_id)
    assert (answer.text, answer.continues_id) == ("I try. Done.", message.pk)


async def test_a_run_whose_decision_does_not_count_goes_no_further(site: Site) -> None:
    here, there = server(site), server(site)
    message = await waiting(here, "pay")
    sent = await allow(site, here, message)
    await eventually(lambda: value(runs == ["heron"]))
    await Decision.objects.all().adelete()
    reading = asyncio.create_task(there.events(sent.run_id))
    there.engine.takeover.start()
    await here.engine.close()

    assert (await reading)[-1].data["code"] == "interrupted"
    assert runs == ["heron"]


async def test_what_waits_is_saved_by_the_next_server(site: Site) -> None:
    here = server(site)
    message = await waiting(here, "pay")
    info = await here.log.find(str(message.run_id))
    assert info is not None
    entries = await here.log.entries(info.run_id)
    step = {
        "number": 0, "provider": "scripted", "model": "m-1", "text": "I try. ", "finish_reason": "tool_calls",
        "calls": [{"call_id": "c00000001", "name": "pay", "arguments": "{}", "content": "", "is_error": False,
                   "is_open": True, "waits": "approval", "tool": "local:pay", "definition": "0" * 64}],
        "items": [], "usage": {}, "agent": "",
    }  # fmt: skip
    checkpoint = {"steps": [step], "events": [[entry.name, entry.data] for entry in entries[1:-1]]}
    completion = cast(Completion, {**COMPLETION, "status": "waiting", "finish_reason": "approval"})

    turn = turn_completed(info, entries[:-1], completion, checkpoint)
    assert (turn.status, [call["call_id"] for call in waiting_of(turn.steps)]) == ("waiting", ["c00000001"])
    assert [part.state for part in turn.parts if isinstance(part, ToolCall)] == ["waiting"]
    stopped = turn_from_log(info, entries[:-1], checkpoint)
    assert (stopped.status, waiting_of(stopped.steps)) == ("stopped", [])
    assert [part.state for part in stopped.parts if isinstance(part, ToolCall)] == ["failed"]
