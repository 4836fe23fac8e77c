"""What becomes of the runs of somebody whose account is deleted or disabled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from chat import database
from chat.generation.owners import GRACE_SECONDS, Owners
from chat.models import Message, User
from chat.sign_in_watch import AGE_SECONDS
from chat.sign_in_watch import EVERY_SECONDS as SIGNED_OUT_SECONDS
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        made.engine._owners = Owners(made.engine.log, made.engine._runner, seconds=0.01, grace=0.05)
        made.engine.start_watching_owners()
        yield made


async def is_closed(chat: Rig) -> None:
    """The connection to the model's server."""
    async with asyncio.timeout(60):
        while chat.provider.open:
            await asyncio.sleep(0.01)


async def delete(user: User) -> None:
    await database.write(lambda: User.objects.get(pk=user.pk).delete())


async def disable(user: User) -> None:
    await database.write(User.objects.filter(pk=user.pk).update, is_active=False)


async def test_a_deleted_user_s_run_ends_and_leaves_nothing(chat: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chat")
    sent = await chat.send()
    chat.provider.say("half of ")
    await chat.provider.asked.wait()

    await delete(chat.alice)
    await is_closed(chat)

    assert (await chat.events(sent.run_id))[-1].name == "error"
    assert await database.read(Message.objects.count) == 0
    assert [record for record in caplog.records if record.exc_info] == []
    assert f"run {sent.run_id}: user {chat.alice.pk} was deleted or disabled, stopping" in caplog.messages


async def test_a_disabled_user_s_run_ends_and_keeps_what_had_come(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say("half of ")
    await chat.provider.asked.wait()

    await disable(chat.alice)
    await is_closed(chat)

    done = (await chat.events(sent.run_id))[-1]
    assert (done.name, done.data["status"]) == ("done", "stopped")


async def test_one_who_is_enabled_again_at_once_has_all_of_the_answer(chat: Rig) -> None:
    await chat.engine._owners.close()
    chat.engine._owners = Owners(chat.engine.log, chat.engine._runner, seconds=0.01, grace=0.5)
    chat.engine.start_watching_owners()
    sent = await chat.send()
    await chat.provider.asked.wait()
    for _ in range(3):
        await disable(chat.alice)
        await asyncio.sleep(0.2)
        await database.write(User.objects.filter(pk=chat.alice.pk).update, is_active=True)
        await asyncio.sleep(0.1)
    chat.provider.say("All of it.")
    chat.provider.finish()
    assert (await chat.events(sent.run_id))[-1].data["status"] == "completed"


async def test_everybody_else_s_goes_on(chat: Rig) -> None:
    sent = await chat.send()
    await chat.provider.asked.wait()
    await disable(chat.charlie)
    await asyncio.sleep(0.1)

    chat.provider.say("All of it.")
    chat.provider.finish()

    assert (await chat.events(sent.run_id))[-1].data["status"] == "completed"


async def test_a_user_who_is_deleted_while_the_answer_is_saved_is_no_traceback(
    chat: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await chat.engine._owners.close()
    sent = await chat.send()
    chat.provider.say("All of it.")
    await chat.provider.asked.wait()
    await delete(chat.alice)

    chat.provider.finish()

    error = (await chat.events(sent.run_id))[-1]
    assert (error.name, error.data["code"]) == ("error", "save_failed")
    assert [record for record in caplog.records if record.exc_info] == []


def test_readers_are_sent_away_first() -> None:
    assert GRACE_SECONDS >= SIGNED_OUT_SECONDS + AGE_SECONDS
