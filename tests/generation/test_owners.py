"""What happens to the runs of a user whose account is deleted or disabled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from chat import database
from chat.generation.owners import Owners, look_now
from chat.generation.runner import Runner
from chat.generation.tool_calls import Limits
from chat.models import Message, User
from tests.chat_rig import Rig, rig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        watch(made, seconds=0.01)
        yield made


def watch(chat: Rig, *, seconds: float) -> None:
    chat.engine._owners = Owners(chat.engine.log, chat.engine._runner, seconds=seconds)
    chat.engine.owners.start()


async def is_closed(chat: Rig) -> None:
    """Wait until the connection to the model server is closed."""
    async with asyncio.timeout(60):
        while chat.provider.open:
            await asyncio.sleep(0.01)


async def delete(user: User) -> None:
    await database.write(lambda: User.objects.get(pk=user.pk).delete())


async def disable(user: User) -> None:
    await database.write(User.objects.filter(pk=user.pk).update, is_active=False)


async def test_a_run_of_a_deleted_user_ends_and_leaves_nothing(chat: Rig, caplog: pytest.LogCaptureFixture) -> None:
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


async def test_a_run_of_a_disabled_user_ends_as_stopped(chat: Rig) -> None:
    sent = await chat.send()
    chat.provider.say("half of ")
    await chat.provider.asked.wait()

    await disable(chat.alice)
    await is_closed(chat)

    done = (await chat.events(sent.run_id))[-1]
    assert (done.name, done.data["status"]) == ("done", "stopped")


@pytest.mark.parametrize("end", [disable, delete])
async def test_a_run_ends_immediately_in_the_process_of_the_change(
    chat: Rig, end: Callable[[User], Awaitable[None]]
) -> None:
    await chat.engine._owners.close()
    watch(chat, seconds=3_600)
    sent = await chat.send()
    await chat.provider.asked.wait()

    await end(chat.alice)
    await database.write(look_now, [chat.alice.pk])
    await is_closed(chat)

    assert (await chat.events(sent.run_id))[-1].name in {"done", "error"}


async def test_checking_stops_no_run_of_an_active_user(chat: Rig) -> None:
    sent = await chat.send()
    await chat.provider.asked.wait()
    look_now([chat.alice.pk, chat.charlie.pk])
    await asyncio.sleep(0.1)

    chat.provider.say("All of it.")
    chat.provider.finish()

    assert (await chat.events(sent.run_id))[-1].data["status"] == "completed"


async def test_a_run_of_another_process_is_stopped_immediately(chat: Rig) -> None:
    await chat.engine._owners.close()
    sent = await chat.send()
    await chat.provider.asked.wait()
    nobody_s = Runner(chat.engine.log, chat.engine._runner._ending, answer_bytes=1, orphan_grace=0, limits=Limits())
    other = Owners(chat.engine.log, nobody_s, seconds=3_600)
    other.start()
    await disable(chat.alice)
    look_now([chat.alice.pk])
    await is_closed(chat)
    await other.close()

    assert (await chat.events(sent.run_id))[-1].data["status"] == "stopped"


async def test_runs_of_other_users_continue(chat: Rig) -> None:
    sent = await chat.send()
    await chat.provider.asked.wait()
    await disable(chat.charlie)
    await asyncio.sleep(0.1)

    chat.provider.say("All of it.")
    chat.provider.finish()

    assert (await chat.events(sent.run_id))[-1].data["status"] == "completed"


async def test_deleting_a_user_during_a_save_logs_no_traceback(chat: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await chat.engine._owners.close()
    sent = await chat.send()
    chat.provider.say("All of it.")
    await chat.provider.asked.wait()
    await delete(chat.alice)

    chat.provider.finish()

    error = (await chat.events(sent.run_id))[-1]
    assert (error.name, error.data["code"]) == ("error", "save_failed")
    assert [record for record in caplog.records if record.exc_info] == []
