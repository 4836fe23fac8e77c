from __future__ import annotations

import asyncio

from chat.server.inbox import FULL, Inbox


async def test_messages_come_out_in_order() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.put_nowait({"type": str(number)})

    assert [(await inbox.get())["type"] for _ in range(3)] == ["0", "1", "2"]


async def test_several_waiters_get_one_message_each() -> None:
    inbox = Inbox()
    waiting = [asyncio.create_task(inbox.get()) for _ in range(2)]
    await asyncio.sleep(0)

    inbox.put_nowait({"type": "first"})
    inbox.put_nowait({"type": "second"})

    assert sorted(message["type"] for message in await asyncio.gather(*waiting)) == ["first", "second"]


async def test_a_cancelled_get_loses_no_message() -> None:
    inbox = Inbox()
    leaving = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait({"type": "only"})
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)

    assert (await inbox.get())["type"] == "only"


async def test_a_full_inbox_reports_when_there_is_room() -> None:
    inbox, told = Inbox(), []
    for number in range(FULL + 1):
        assert inbox.is_full == (number >= FULL)
        inbox.put_nowait({"type": str(number)})
    inbox.when_there_is_room(lambda: told.append(True))

    await inbox.get()
    assert told == []
    await inbox.get()
    assert told == [True]
    await inbox.get()
    assert told == [True]
