from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat import database
from chat.generation.engine import Sent
from chat.generation.title_generation import AT_ONCE, tidy
from chat.models import Assistant, Conversation
from chat.notices import channel
from chat.providers.base import Finish, Incomplete, ProviderUnavailable, ReasoningDelta, Recant, TextDelta, ToolUse
from chat.providers.demo.provider import DemoProvider
from chat.tools import bootstrap
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def chat(transactional_db: None, settings: Any) -> AsyncIterator[Rig]:
    settings.CHAT_TITLES = True
    async with rig() as made:
        yield made


async def title_of(sent: Sent) -> str:
    return (await database.read(Conversation.objects.get, pk=sent.conversation_id)).title


async def named(chat: Rig) -> None:
    """Wait until no title is being written."""
    async with asyncio.timeout(20):
        while chat.engine._naming._tasks:
            await asyncio.wait(set(chat.engine._naming._tasks))


async def asked(chat: Rig, requests: int) -> None:
    async with asyncio.timeout(20):
        while len(chat.provider.requests) < requests:
            await asyncio.sleep(0)


async def test_the_first_turn_gets_a_title_and_every_tab_is_notified(chat: Rig) -> None:
    async with channel.listen(chat.alice.pk) as heard:
        sent = await chat.turn("What is a heron?", "A bird.")
        await asked(chat, 2)
        assert await title_of(sent) == "What is a heron?"
        chat.provider.put(ReasoningDelta("Hm."), TextDelta('"Herons, '), TextDelta('briefly."\n'), Finish("stop"))
        await named(chat)
        async with asyncio.timeout(20):
            kinds = []
            while "conversation_renamed" not in kinds:
                notice = await anext(heard)
                kinds.append(notice["kind"])
    assert notice["conversation"]["title"] == await title_of(sent) == "Herons, briefly"
    assert kinds == ["run_started", "conversation_created", "run_ended", "conversation_renamed"]
    request = chat.provider.requests[-1]
    assert (request.model, request.purpose) == ("m-1", "title")
    assert "What is a heron?" in request.messages[-1].text
    assert "A bird." in request.messages[-1].text


async def test_later_turns_and_regenerated_answers_request_no_title(chat: Rig) -> None:
    sent = await chat.turn()
    chat.provider.put(TextDelta("Greetings"), Finish("stop"))
    await named(chat)
    await chat.turn("More", conversation_id=sent.conversation_id)
    message = await database.read(lambda: chat.alice.messages.filter(role="user").earliest("created_at"))
    again = await chat.again(regenerate_id=str(message.pk))
    chat.provider.say("Hi again!")
    chat.provider.finish()
    await chat.events(again.run_id)
    await named(chat)
    assert await title_of(sent) == "Greetings"
    assert [request.purpose for request in chat.provider.requests] == ["answer", "title", "answer", "answer"]


async def test_without_an_answer_no_title_is_requested(chat: Rig) -> None:
    sent = await chat.send("Hello")
    await asked(chat, 1)
    assert await chat.engine.stop(chat.alice.pk, sent.run_id) is True
    await chat.events(sent.run_id)
    await named(chat)
    assert await title_of(sent) == "Hello"
    assert [request.purpose for request in chat.provider.requests] == ["answer"]


async def test_an_answer_that_waits_before_it_says_anything_gets_a_title(chat: Rig) -> None:
    chat.engine.tools = bootstrap.registry()
    await Assistant.objects.all().aupdate(tools={"builtin:calculator": "ask"})
    chat.provider.put(ToolUse("c1", "calculator", json.dumps({"expression": "6 * 7"})), Finish("tool_calls"))
    sent = await chat.send("How much is it?")
    await chat.events(sent.run_id)
    await asked(chat, 2)
    chat.provider.put(TextDelta("A sum"), Finish("stop"))
    await named(chat)

    assert await title_of(sent) == "A sum"
    assert "How much is it?" in chat.provider.requests[-1].messages[-1].text


async def test_a_title_set_by_the_user_meanwhile_is_kept(chat: Rig) -> None:
    for given in ("Mine", "Hello"):
        sent = await chat.turn("Hello")
        await asked(chat, 2)
        # Like a PATCH request; the second time with the same words as the current title.
        await database.write(
            lambda sent=sent, given=given: Conversation.objects.filter(pk=sent.conversation_id).update(
                title=given, is_named=True
            )
        )
        chat.provider.put(TextDelta("The model's"), Finish("stop"))
        await named(chat)
        assert await title_of(sent) == given
        chat.provider.requests.clear()


async def test_a_conversation_deleted_meanwhile_is_not_changed(chat: Rig) -> None:
    sent = await chat.turn("Hello")
    await asked(chat, 2)
    await database.write(lambda: Conversation.objects.get(pk=sent.conversation_id).delete_softly())
    chat.provider.put(TextDelta("The model's"), Finish("stop"))
    await named(chat)
    assert await title_of(sent) == "Hello"


async def test_a_thought_before_the_title_is_not_part_of_it(chat: Rig) -> None:
    sent = await chat.turn("Hello")
    chat.provider.put(TextDelta("Hm, hm."), Recant(), TextDelta("Greetings"), Finish("stop"))
    await named(chat)
    assert await title_of(sent) == "Greetings"


@pytest.mark.parametrize(
    "answer",
    [
        [ProviderUnavailable("Not now.")],
        [TextDelta("Half a ti"), Incomplete("It broke off.")],
        [Finish("stop")],
        [TextDelta(' "" \n ** \n'), Finish("stop")],
        [TextDelta("<think>What could it be?"), Finish("length")],
        [RuntimeError("a bug")],
    ],
    ids=["unavailable", "broken off", "empty", "only marks", "only thoughts", "a bug"],
)
async def test_without_a_title_the_first_words_stay(chat: Rig, answer: list[Any]) -> None:
    sent = await chat.turn("Hello")
    chat.provider.put(*answer)
    await named(chat)
    assert await title_of(sent) == "Hello"
    assert chat.provider.open == 0


async def test_a_model_that_does_not_stop_is_cut_off(chat: Rig) -> None:
    sent = await chat.turn("Hello")
    chat.provider.say("Once upon a time ", *["and then " * 100] * 20)
    await named(chat)
    assert chat.provider.open == 0
    assert (await title_of(sent)).startswith("Once upon a time and then")
    assert len(await title_of(sent)) <= 60


async def test_title_generation_times_out(chat: Rig) -> None:
    chat.engine._naming._seconds = 0.01
    sent = await chat.turn("Hello")
    await named(chat)
    assert chat.provider.open == 0
    assert await title_of(sent) == "Hello"


async def test_shutdown_does_not_wait_for_a_title(chat: Rig) -> None:
    await chat.turn("Hello")
    await asked(chat, 2)
    async with asyncio.timeout(20):
        await chat.engine.drain()
    assert chat.provider.open == 0
    assert not chat.engine._naming._tasks


async def test_concurrent_title_requests_are_limited(chat: Rig) -> None:
    # A pending title request would take the next scripted answer, so titles use another provider.
    chat.engine._naming._providers = {"scripted": Silent()}  # type: ignore[dict-item]
    for number in range(AT_ONCE + 2):
        await chat.turn(f"Hello {number}")
    async with asyncio.timeout(20):
        while len(chat.engine._naming._tasks) < AT_ONCE:
            await asyncio.sleep(0)
    assert len(chat.engine._naming._tasks) == AT_ONCE


class Silent:
    """Says nothing until it is cancelled."""

    async def stream(self, request: Any) -> Any:
        await asyncio.Event().wait()
        yield


async def test_without_the_setting_no_title_is_requested(transactional_db: None, settings: Any) -> None:
    settings.CHAT_TITLES = False
    async with rig() as chat:
        await chat.turn()
        await named(chat)
        assert len(chat.provider.requests) == 1


async def test_a_removed_assistant_generates_no_title(chat: Rig) -> None:
    sent = await chat.send("Hello")
    await database.write(Assistant.objects.all().delete)
    chat.provider.say("Hi!")
    chat.provider.finish()
    await chat.events(sent.run_id)
    await named(chat)
    assert (await title_of(sent), len(chat.provider.requests)) == ("Hello", 1)


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Show me some code", "Code in several languages"),
        ("plan a weekend in a city I have never been to", "Plan a weekend in a city"),
    ],
)
async def test_the_demo_generates_a_title_too(chat: Rig, question: str, title: str) -> None:
    demo = DemoProvider(tokens_per_second=0)
    chat.engine._naming._providers = {"scripted": demo}
    sent = await chat.turn(question)
    await named(chat)
    assert await title_of(sent) == title


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Herons", "Herons"),
        ('  "Herons of the shore."  ', "Herons of the shore"),
        ("**Title:** Herons", "Herons"),
        ("# Herons\n\nA fine title.", "Herons"),
        ("<think>\nBirds?\n</think>\n\nHerons", "Herons"),
        ("<Thinking>Birds?</Thinking>Herons", "Herons"),
        ("The **grey** `heron` and <b>its</b> _shore_", "The grey heron and its shore"),
        ("[Herons](https://a.example) of snake_case 2*3*4", "Herons of snake_case 2*3*4"),
        ('«Title: "Herons"»', "Herons"),
        ("\n\n- Herons", "- Herons"),
        ("Learning C#", "Learning C#"),
        ("e.g. U.S.A.", "e.g. U.S.A"),
        ("Her\0ons \ud800", "Her\ufffdons \ufffd"),
        ("word " * 40, "word word word word word word word word word word word…"),
        ("„Reiher“", "Reiher"),
        ("", ""),
        ('"."', ""),
    ],
)
def test_generated_titles_are_cleaned_up(said: str, title: str) -> None:
    assert tidy(said) == title
