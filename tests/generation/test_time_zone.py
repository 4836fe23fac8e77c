"""Tools know the time zone that came with the message."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from chat.generation.requests import SendRequest
from chat.models import Assistant
from chat.protocol.errors import ApiError
from chat.providers.base import Finish, ToolResult, ToolUse
from chat.tools.base import Context
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@tool(side_effects=False)
async def zone(context: Context) -> str:
    """Name the person's time zone."""
    return context.time_zone or "unknown"


ALL = Tools([define(zone, source="local")])


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig(tools=ALL) as made:
        yield made


def plays(chat: Rig) -> None:
    """The model calls the tool, and answers."""
    chat.provider.put(ToolUse("c00000001", "zone", "{}"), Finish("tool_calls"))
    chat.provider.say("Done.")
    chat.provider.finish()


def told(chat: Rig) -> str:
    """What the model was told last."""
    result = chat.provider.requests[-1].messages[-1]
    assert isinstance(result, ToolResult)
    return result.text


async def test_a_tool_knows_the_zone_of_the_message(chat: Rig) -> None:
    plays(chat)
    sent = await chat.send("Go", time_zone="Europe/Berlin")
    entries = await chat.events(sent.run_id)
    assert told(chat) == "Europe/Berlin"
    # Another process would find it there.
    assert entries[0].data["time_zone"] == "Europe/Berlin"


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus_Mons", "../../etc/passwd", "x\0", "\ud800", "a" * 5_000])
async def test_an_unknown_zone_is_none(chat: Rig, name: str | None) -> None:
    plays(chat)
    sent = await chat.send("Go", time_zone=name)
    entries = await chat.events(sent.run_id)
    assert told(chat) == "unknown"
    assert "time_zone" not in entries[0].data


@pytest.mark.parametrize("value", [5, ["UTC"], {}])
async def test_what_is_no_name_is_refused(chat: Rig, value: object) -> None:
    with pytest.raises(ApiError, match="time_zone must be a string") as refusal:
        await chat.send("Go", time_zone=value)
    assert refusal.value.code == "bad_request"


async def test_nobody_else_gets_it(chat: Rig) -> None:
    plays(chat)
    await chat.events((await chat.send("Go", time_zone="Europe/Berlin")).run_id)
    plays(chat)
    request = SendRequest.parse({"text": "Go"}, characters=1_000)
    sent = await chat.engine.send(chat.charlie.pk, request)
    chat.alice = chat.charlie
    await chat.events(sent.run_id)
    assert told(chat) == "unknown"


async def test_the_next_message_may_come_from_elsewhere(chat: Rig) -> None:
    plays(chat)
    first = await chat.send("Go", time_zone="Europe/Berlin")
    await chat.events(first.run_id)
    plays(chat)
    second = await chat.send("Go", time_zone="Asia/Tokyo", conversation_id=first.conversation_id)
    await chat.events(second.run_id)
    assert told(chat) == "Asia/Tokyo"


async def test_another_answer_has_it_too(chat: Rig) -> None:
    plays(chat)
    done = (await chat.events((await chat.send("Go", time_zone="Europe/Berlin")).run_id))[-1]
    plays(chat)
    again = await chat.again(regenerate_id=done.data["parent_id"], time_zone="Asia/Tokyo")
    await chat.events(again.run_id)
    assert told(chat) == "Asia/Tokyo"


async def test_repeated_from_another_zone_it_is_the_same_run(chat: Rig) -> None:
    plays(chat)
    key = str(uuid.uuid4())
    first = await chat.send("Go", client_message_id=key, time_zone="Europe/Berlin")
    again = await chat.send("Go", client_message_id=key, time_zone="Asia/Tokyo")
    assert (again.run_id, again.duplicate) == (first.run_id, True)
    await chat.events(first.run_id)


async def test_without_tools_nobody_needs_it(chat: Rig) -> None:
    await Assistant.objects.all().aupdate(tools={})
    chat.provider.say("Hi!")
    chat.provider.finish()
    entries = await chat.events((await chat.send("Go", time_zone="Europe/Berlin")).run_id)
    assert "time_zone" not in entries[0].data
