"""People switch the tools off for a conversation: then its models are offered none, and it remembers that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat import database
from chat.generation.engine import Engine, Sent
from chat.generation.recorder import Recorder
from chat.generation.tools_choice import ToolsChoice
from chat.models import Assistant, Conversation, Message
from chat.providers.base import Finish, RateLimited, TextDelta
from chat.providers.registry import Registry
from chat.tools.definitions import define, tool
from chat.tools.registry import Registry as Tools
from tests.chat_rig import Rig, rig
from tests.generation.test_takeover import Server, Site, site

__all__ = ["site"]

pytestmark = pytest.mark.django_db(transaction=True)


@tool(side_effects=False)
async def lookup(name: str) -> str:
    """Look something up."""
    return name


ALL = Tools([define(lookup, source="local")])
OFF: dict[str, Any] = {"tools": False}
ON: dict[str, Any] = {"tools": True}


def allow() -> None:
    Assistant.objects.update(tools=dict.fromkeys([each.key for each in ALL], "allow"))


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        made.engine.tools = ALL
        await database.write(allow)
        yield made


def offered(chat: Rig | Server) -> list[str]:
    """To the model that was asked last."""
    return [each.name for each in chat.provider.requests[-1].tools]


async def choice(sent: Sent) -> bool | None:
    return (await database.read(Conversation.objects.get, pk=sent.conversation_id)).tools_on


async def choose(sent: Sent, on: bool) -> None:
    await database.write(Conversation.objects.filter(pk=sent.conversation_id).update, tools_on=on)


async def start_of(chat: Rig, sent: Sent) -> dict[str, Any]:
    data = (await chat.events(sent.run_id))[0].data
    return {name: data[name] for name in ("tools", "tools_chosen") if name in data}


async def test_unless_somebody_says_otherwise_they_are_on(chat: Rig) -> None:
    sent = await chat.turn()

    assert offered(chat) == ["lookup"]
    assert await choice(sent) is None
    assert await start_of(chat, sent) == {}


async def test_a_first_message_switches_them_off_for_the_whole_conversation(chat: Rig) -> None:
    sent = await chat.turn(**OFF)
    assert offered(chat) == []
    assert await choice(sent) is False
    assert await start_of(chat, sent) == {"tools": False, "tools_chosen": True}

    following = await chat.turn(conversation_id=sent.conversation_id)
    assert offered(chat) == []
    assert await choice(sent) is False
    assert await start_of(chat, following) == {"tools": False}

    back = await chat.turn(conversation_id=sent.conversation_id, **ON)
    assert offered(chat) == ["lookup"]
    assert await choice(sent) is True
    assert await start_of(chat, back) == {"tools": True, "tools_chosen": True}


async def test_what_a_message_chooses_is_saved_with_its_turn_and_not_before(chat: Rig) -> None:
    first = await chat.turn()
    sent = await chat.send(conversation_id=first.conversation_id, **OFF)
    assert await choice(first) is None
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    await chat.events(sent.run_id)
    assert offered(chat) == []
    assert await choice(first) is None

    sent = await chat.send(conversation_id=first.conversation_id, **OFF)
    assert await choice(first) is None
    chat.provider.say("Half")
    await chat.engine.stop(chat.alice.pk, sent.run_id)
    await chat.events(sent.run_id)
    assert await choice(first) is False


async def test_what_is_chosen_while_an_answer_is_written_stands(chat: Rig) -> None:
    first = await chat.turn(**OFF)
    sent = await chat.send(conversation_id=first.conversation_id, **OFF)
    await choose(first, True)
    chat.provider.say("Hi")
    chat.provider.finish()
    await chat.events(sent.run_id)

    assert offered(chat) == []
    assert await choice(first) is True


async def test_regenerating_follows_the_conversation_unless_the_request_says_otherwise(chat: Rig) -> None:
    first = await chat.turn(**OFF)
    question = str((await database.read(Message.objects.get, role="user")).pk)

    async def again(**fields: Any) -> Sent:
        sent = await chat.again(regenerate_id=question, **fields)
        chat.provider.say("Again")
        chat.provider.finish()
        await chat.events(sent.run_id)
        return sent

    await again()
    assert offered(chat) == []
    await again(**ON)
    assert offered(chat) == ["lookup"]
    assert await choice(first) is True
    await again()
    assert offered(chat) == ["lookup"]


async def test_an_answer_is_continued_without_tools_and_its_choice_is_remembered(chat: Rig) -> None:
    sent = await chat.send("A story")
    chat.provider.put(TextDelta("Once upon"), Finish("length"))
    begun = (await chat.events(sent.run_id))[-1].data["message_id"]
    again = await chat.again(continue_id=begun, **OFF)
    chat.provider.say(" a time.")
    chat.provider.finish()
    await chat.events(again.run_id)

    assert offered(chat) == []
    assert await choice(sent) is False


async def test_a_first_question_that_failed_keeps_the_choice_for_the_next_one(chat: Rig) -> None:
    sent = await chat.send("Hello", **OFF)
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    before = (await chat.events(sent.run_id))[0].data
    await chat.engine.log.forget(sent.run_id)
    assert (await chat.events(sent.run_id))[0].data == before

    await chat.turn("Hello", conversation_id=sent.conversation_id, parent_id="root")

    assert offered(chat) == []
    assert await choice(sent) is False


async def test_the_newest_choice_of_failed_questions_counts(chat: Rig) -> None:
    sent = await chat.send("One", **OFF)
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    await chat.events(sent.run_id)
    for text, fields in (("Two", ON), ("Three", {})):
        other = await chat.send(text, conversation_id=sent.conversation_id, **fields)
        chat.provider.put(RateLimited("Too many requests.", retry_after=60))
        await chat.events(other.run_id)
        assert offered(chat) == ["lookup"]


async def test_somebody_elses_choice_is_nothing_to_me(chat: Rig) -> None:
    sent = await chat.send("Hello", **OFF)
    chat.provider.put(RateLimited("Too many requests.", retry_after=60))
    await chat.events(sent.run_id)

    assert await database.read(chat.charlie.unanswered.tools_of, sent.conversation_id) is None
    assert await database.read(chat.alice.unanswered.tools_of, sent.conversation_id) is False


async def test_a_repeated_message_is_the_same_run_whatever_it_says_of_tools(chat: Rig) -> None:
    sent = await chat.turn(client_message_id="0198f2a4-5d3b-7c11-9a52-6f1f3a9be001", **OFF)
    again = await chat.send(client_message_id=sent.client_message_id, **ON)

    assert (again.run_id, again.duplicate) == (sent.run_id, True)
    assert await choice(sent) is False


@pytest.mark.parametrize(
    ("wanted", "before", "found"),
    [
        (None, None, ToolsChoice(True, False)),
        (None, True, ToolsChoice(True, False)),
        (None, False, ToolsChoice(False, False)),
        (False, None, ToolsChoice(False, True)),
        (True, None, ToolsChoice(True, True)),
        (False, True, ToolsChoice(False, True)),
        (False, False, ToolsChoice(False, False)),
    ],
)
def test_a_choice_travels_in_the_start_of_its_run(
    wanted: bool | None, before: bool | None, found: ToolsChoice
) -> None:
    made = ToolsChoice.of(wanted, before)
    start: Any = {}
    made.add_to(start)

    assert made == ToolsChoice.of_run(start) == found


# --- Another process takes the run over


def server(site: Site) -> Server:
    made = site.server()
    made.engine = Engine(made.log, Registry({"scripted": lambda: made.provider}), Recorder(patience=5), tools=ALL)
    made.engine.takeover._look_seconds = 0.02
    site._stack.push_async_callback(made.engine.close)
    return made


async def taken_over(here: Server, there: Server, sent: Sent) -> None:
    async with asyncio.timeout(60):
        await here.provider.asked.wait()
    there.engine.takeover.start()
    there.provider.say("Hi")
    there.provider.finish()
    await here.engine.close()
    await there.events(sent.run_id)


@pytest.mark.redis
async def test_whoever_takes_over_offers_none_either_and_saves_the_choice(site: Site) -> None:
    await database.write(allow)
    here, there = server(site), server(site)
    sent = await here.send(**OFF)
    await taken_over(here, there, sent)

    assert offered(here) == offered(there) == []
    assert await choice(sent) is False


@pytest.mark.redis
@pytest.mark.parametrize("on", [True, False])
async def test_whoever_takes_over_does_not_look_what_was_chosen_meanwhile(site: Site, on: bool) -> None:
    await database.write(allow)
    here, there = server(site), server(site)
    first = await here.send(tools=on)
    here.provider.say("Hi")
    here.provider.finish()
    await here.events(first.run_id)
    here.provider.asked.clear()

    sent = await here.send(conversation_id=first.conversation_id)
    await choose(first, not on)
    await taken_over(here, there, sent)

    assert offered(there) == (["lookup"] if on else [])
    assert await choice(first) is not on
