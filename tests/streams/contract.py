"""What every stream log guarantees. A log's own test subclasses this and makes the log."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from chat.protocol import events
from chat.protocol.cursors import Cursor
from chat.protocol.events import Entry, Event, token
from chat.streams.base import (
    ROOM_BYTES,
    Budget,
    Busy,
    Created,
    Duplicate,
    Fenced,
    Full,
    Lost,
    NoRoom,
    RunNotFound,
    RunRequest,
    StreamLog,
    TooFast,
    TooMany,
)

LIMIT = 1_000_000
# A budget of FOUR_TEXTS has room for three or four of these, whatever a log needs besides the text.
TEXT = "x" * 100_000
FOUR_TEXTS = 600_000


def request(*, owner: int = 1, conversation: str | None = None, sent: str | None = None) -> RunRequest:
    run_id = str(uuid.uuid4())
    return RunRequest(
        run_id=run_id,
        owner_id=owner,
        conversation_id=conversation or str(uuid.uuid4()),
        client_message_id=sent or str(uuid.uuid4()),
        fingerprint="print",
        title="A title",
        start=Event("start", {"run_id": run_id, "attempt": 1, "user_message": {"text": "Hi", "parent_id": None}}),
    )


def done(status: str = "completed") -> Event:
    return Event("done", {"status": status})


def names(entries: list[Entry]) -> list[str]:
    return [entry.name for entry in entries]


async def grown(log: StreamLog, made: Created, text: str) -> int:
    """Append the text until the run has no more room. Returns how often it fit."""
    for times in range(100):
        try:
            await log.append(made.run.run_id, [token(text)], token=made.token)
        except NoRoom:
            return times
    raise AssertionError("the run never ran out of room")


class StreamLogContract:
    log: StreamLog

    @pytest.fixture(autouse=True)
    async def made_log(self) -> AsyncIterator[None]:
        self.log = await self.make_log()
        yield
        await self.log.close()

    async def make_log(self, budget: Budget | None = None) -> StreamLog:
        raise NotImplementedError

    async def within(self, *, total: int = Budget().total, per_owner: int = Budget().per_owner) -> None:
        """Replace the log with one that has this budget."""
        await self.log.close()
        self.log = await self.make_log(Budget(total, per_owner))

    async def ended(self, *, owner: int = 1, event: Event | None = None, text: str = TEXT, sent: str = "") -> Created:
        made = await self.created(owner=owner, sent=sent or None)
        await self.log.append(made.run.run_id, [token(text), event or done()], token=made.token)
        return made

    async def have_logs(self, *runs: Created) -> list[bool]:
        found = []
        for made in runs:
            run = await self.log.find(made.run.run_id)
            assert run
            assert not run.is_live
            found.append(run.has_log)
        return found

    async def created(self, **fields: object) -> Created:
        created = await self.log.create(request(**fields), live_limit=3)  # type: ignore[arg-type]
        assert isinstance(created, Created)
        return created

    async def all_of(self, run_id: str, after: Cursor | None = None, *, limit: int = LIMIT) -> list[Entry]:
        async with aclosing(self.log.follow(run_id, after, limit=limit)) as batches:
            return [entry async for batch in batches for entry in batch.entries]

    async def test_a_new_run_begins_with_its_start_event(self) -> None:
        created = await self.created()
        assert created.run.cursor.seq == 1
        assert created.run.is_live
        assert names(list(await self.log.entries(created.run.run_id))) == ["start"]

    async def test_seqs_have_no_gaps(self) -> None:
        created = await self.created()
        for text in "abc":
            await self.log.append(
                created.run.run_id, [token(text), events.status("…", "thinking")], token=created.token
            )
        entries = await self.log.entries(created.run.run_id)
        assert [entry.seq for entry in entries] == list(range(1, 8))

    async def test_the_same_client_message_id_is_one_run(self) -> None:
        first = await self.created(sent="one")
        again = await self.log.create(request(sent="one"), live_limit=3)
        assert isinstance(again, Duplicate)
        assert again.run.run_id == first.run.run_id

    async def test_the_same_client_message_id_of_another_owner_is_another_run(self) -> None:
        await self.created(sent="one", owner=1)
        assert isinstance(await self.log.create(request(sent="one", owner=2), live_limit=3), Created)

    async def test_twenty_creations_at_once_make_one_run(self) -> None:
        made = await asyncio.gather(*(self.log.create(request(sent="one"), live_limit=3) for _ in range(20)))
        assert sum(isinstance(each, Created) for each in made) == 1
        assert len({each.run.run_id for each in made}) == 1  # type: ignore[union-attr]

    async def test_a_conversation_has_one_live_run(self) -> None:
        first = await self.created(conversation="talk")
        assert isinstance(await self.log.create(request(conversation="talk"), live_limit=3), Busy)
        await self.log.append(first.run.run_id, [done()], token=first.token)
        assert isinstance(await self.log.create(request(conversation="talk"), live_limit=3), Created)

    async def test_live_runs_per_owner_are_limited(self) -> None:
        runs = [await self.created(owner=7) for _ in range(3)]
        assert await self.log.create(request(owner=7), live_limit=3) == TooMany(3)
        assert isinstance(await self.log.create(request(owner=8), live_limit=3), Created)
        await self.log.append(runs[0].run.run_id, [done()], token=runs[0].token)
        assert isinstance(await self.log.create(request(owner=7), live_limit=3), Created)

    async def test_runs_per_minute_of_an_owner_are_limited(self) -> None:
        async def create(**fields: Any) -> object:
            return await self.log.create(request(**fields), live_limit=10, per_minute=2)

        first = await create(owner=7, sent="one")
        assert isinstance(first, Created)
        # Requests that create no run do not count.
        assert isinstance(await create(owner=7, sent="one"), Duplicate)
        assert isinstance(await create(owner=7, conversation=first.run.conversation_id), Busy)
        assert isinstance(await create(owner=7), Created)
        refused = await create(owner=7)
        assert isinstance(refused, TooFast)
        assert 0 < refused.retry_after <= 60
        assert isinstance(await create(owner=8), Created)

    async def test_a_new_follower_gets_the_text_so_far_merged(self) -> None:
        created = await self.created()
        for text in ("Hel", "lo ", "you"):
            await self.log.append(created.run.run_id, [token(text)], token=created.token)
        await self.log.append(created.run.run_id, [done()], token=created.token)
        entries = await self.all_of(created.run.run_id)
        assert names(entries) == ["start", "token", "done"]
        assert entries[1].data["text"] == "Hello you"
        assert entries[1].seq == 4

    async def test_it_resumes_after_a_cursor(self) -> None:
        created = await self.created()
        first = await self.log.append(created.run.run_id, [token("Hel")], token=created.token)
        await self.log.append(created.run.run_id, [token("lo"), done()], token=created.token)
        entries = await self.all_of(created.run.run_id, first.cursor)
        assert names(entries) == ["token", "done"]
        assert entries[0].data["text"] == "lo"

    async def test_every_cursor_leads_to_the_same_text(self) -> None:
        created = await self.created()
        for number in range(20):
            await self.log.append(created.run.run_id, [token(f"{number} ")], token=created.token)
        await self.log.append(created.run.run_id, [done()], token=created.token)
        everything = await self.log.entries(created.run.run_id)
        epoch = created.run.cursor.epoch
        for seq in range(len(everything)):
            rest = await self.all_of(created.run.run_id, Cursor(epoch, seq), limit=7)
            assert events.answer(everything[:seq]) + events.answer(rest) == events.answer(everything)
            assert rest[-1].seq == len(everything)

    async def test_a_batch_keeps_to_its_limit(self) -> None:
        created = await self.created()
        for _ in range(50):
            await self.log.append(created.run.run_id, [token("x" * 100)], token=created.token)
        await self.log.append(created.run.run_id, [done()], token=created.token)
        async with aclosing(self.log.follow(created.run.run_id, None, limit=1000)) as batches:
            texts = [events.answer(batch.entries) async for batch in batches]
        assert max(map(len, texts)) <= 1000
        assert sum(map(len, texts)) == 5000

    async def test_a_follower_waits_for_new_events(self) -> None:
        created = await self.created()
        following = asyncio.create_task(self.all_of(created.run.run_id))
        for text in "abc":
            await asyncio.sleep(0)
            await self.log.append(created.run.run_id, [token(text)], token=created.token)
        await self.log.append(created.run.run_id, [done()], token=created.token)
        entries = await following
        assert events.answer(entries) == "abc"
        assert entries[-1].is_terminal

    async def test_a_cursor_at_the_end_of_an_ended_run_yields_nothing(self) -> None:
        created = await self.created()
        ended = await self.log.append(created.run.run_id, [done()], token=created.token)
        assert await self.all_of(created.run.run_id, ended.cursor) == []

    @pytest.mark.parametrize("cursor", [Cursor("otherone", 1), Cursor("", 99)])
    async def test_an_unusable_cursor_yields_a_reset_and_everything(self, cursor: Cursor) -> None:
        created = await self.created()
        await self.log.append(created.run.run_id, [token("text"), done()], token=created.token)
        after = cursor if cursor.epoch else Cursor(created.run.cursor.epoch, cursor.seq)
        entries = await self.all_of(created.run.run_id, after)
        assert names(entries) == ["reset", "start", "token", "done"]
        assert entries[0].seq == 0

    async def test_nothing_follows_a_terminal_event(self) -> None:
        created = await self.created()
        await self.log.append(created.run.run_id, [done()], token=created.token)
        with pytest.raises(Fenced):
            await self.log.append(created.run.run_id, [token("more")], token=created.token)

    async def test_another_token_is_fenced(self) -> None:
        created = await self.created()
        with pytest.raises(Fenced):
            await self.log.append(created.run.run_id, [token("mine")], token=created.token + 1)
        assert names(list(await self.log.entries(created.run.run_id))) == ["start"]

    async def test_an_unknown_run_is_not_found(self) -> None:
        assert await self.log.find("nothing") is None
        for call in (self.log.entries("nothing"), self.log.request_stop("nothing"), self.all_of("nothing")):
            with pytest.raises(RunNotFound):
                await call

    async def test_a_stop_is_received_once(self) -> None:
        created = await self.created()
        waiting = asyncio.create_task(self.log.stop_requested(created.run.run_id))
        assert await self.log.request_stop(created.run.run_id) is True
        assert await self.log.request_stop(created.run.run_id) is False
        await asyncio.wait_for(waiting, 60)
        appended = await self.log.append(created.run.run_id, [token("x")], token=created.token)
        assert appended.stop_requested

    async def test_stopping_an_ended_run_does_nothing(self) -> None:
        created = await self.created()
        await self.log.append(created.run.run_id, [done()], token=created.token)
        assert await self.log.request_stop(created.run.run_id) is False

    async def test_the_state_is_that_of_the_terminal_event(self) -> None:
        for event, state in ((done(), "completed"), (done("stopped"), "stopped"), (Event("error", {}), "error")):
            created = await self.created()
            await self.log.append(created.run.run_id, [event], token=created.token)
            run = await self.log.find(created.run.run_id)
            assert run is not None
            assert run.state == state

    async def test_it_lists_the_runs_of_one_owner_only(self) -> None:
        mine = [await self.created(owner=1), await self.created(owner=1)]
        await self.created(owner=2)
        assert [run.run_id for run in await self.log.runs_of(1)] == [each.run.run_id for each in mine]

    async def test_only_an_unfollowed_run_is_abandoned(self) -> None:
        created = await self.created()
        following = asyncio.create_task(self.all_of(created.run.run_id))
        await asyncio.sleep(0)
        abandoned = asyncio.create_task(self.log.abandoned(created.run.run_id, grace=0.01))
        await asyncio.wait({abandoned}, timeout=0.05)
        assert not abandoned.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await asyncio.wait_for(abandoned, 60)

    async def test_it_forgets_an_ended_run_and_keeps_a_live_one(self) -> None:
        created = await self.created()
        await self.log.forget(created.run.run_id)
        assert await self.log.find(created.run.run_id)
        await self.log.append(created.run.run_id, [done()], token=created.token)
        await self.log.forget(created.run.run_id)
        assert await self.log.find(created.run.run_id) is None

    # --- Limits for all owners together

    @pytest.mark.parametrize(("limit", "refused"), [(2, TooMany(2, of_all=True)), (None, None)])
    async def test_live_runs_of_all_owners_together_are_limited(self, limit: int | None, refused: object) -> None:
        async def create(owner: int) -> object:
            return await self.log.create(request(owner=owner), live_limit=3, live_limit_of_all=limit)

        first = await create(1)
        assert isinstance(first, Created)
        await create(2)
        third = await create(3)
        if refused is None:
            assert isinstance(third, Created)
            return
        assert third == refused
        await self.log.append(first.run.run_id, [done()], token=first.token)
        assert isinstance(await create(3), Created)

    async def test_runs_per_minute_of_all_owners_together_are_limited(self) -> None:
        async def create(**fields: Any) -> object:
            return await self.log.create(request(**fields), live_limit=10, per_minute=2, per_minute_of_all=3)

        first = await create(owner=1, sent="one")
        assert isinstance(first, Created)
        # Requests that create no run do not count.
        assert isinstance(await create(owner=1, sent="one"), Duplicate)
        assert isinstance(await create(owner=2, conversation=first.run.conversation_id), Busy)
        assert isinstance(await create(owner=1), Created)
        assert isinstance(await create(owner=1), TooFast)
        assert isinstance(await create(owner=2), Created)
        for owner in (2, 3):
            refused = await create(owner=owner)
            assert isinstance(refused, TooFast)
            assert refused.of_all
            assert 0 < refused.retry_after <= 60
        # The owner's own limit is reported first, and what the shared limit refuses does not count for any owner.
        own = await create(owner=1)
        assert isinstance(own, TooFast)
        assert not own.of_all

    # --- Bytes

    @pytest.mark.parametrize(("per_owner", "expected"), [(FOUR_TEXTS, False), (Budget().per_owner, True)])
    async def test_an_owner_over_budget_loses_the_oldest_saved_logs_first(
        self, per_owner: int, expected: bool
    ) -> None:
        await self.within(per_owner=per_owner)
        others = await self.ended(owner=2)
        failed = await self.ended(event=Event("error", {}))
        saved = [await self.ended() for _ in range(6)]
        assert await self.have_logs(others, failed, saved[0], saved[1], saved[-1]) == [
            True, True, expected, expected, True,
        ]  # fmt: skip
        # Now only the failed log is left to drop.
        for _ in range(3):
            await self.created()
        assert await self.have_logs(others, saved[-1]) == [True, expected]

    @pytest.mark.parametrize(("total", "expected"), [(FOUR_TEXTS, False), (Budget().total, True)])
    async def test_the_total_budget_drops_the_oldest_saved_logs_first(self, total: int, expected: bool) -> None:
        await self.within(total=total)
        failed = await self.ended(owner=1, event=Event("error", {}))
        saved = [await self.ended(owner=owner) for owner in range(2, 9)]
        assert await self.have_logs(failed, saved[0], saved[2], saved[-1]) == [True, expected, expected, True]
        for owner in (9, 10, 11, 12):
            await self.created(owner=owner)
        assert await self.have_logs(failed, saved[-1]) == [expected, expected]

    @pytest.mark.parametrize("event", [done(), Event("error", {})])
    async def test_a_run_whose_log_was_dropped_is_still_known(self, event: Event) -> None:
        await self.within(per_owner=FOUR_TEXTS)
        first = await self.ended(sent="one", event=event)
        before = await self.log.find(first.run.run_id)
        for _ in range(5):
            await self.ended(event=event)
        assert before
        assert await self.have_logs(first) == [False]
        again = await self.log.create(request(sent="one"), live_limit=3)
        assert isinstance(again, Duplicate)
        assert (again.run.run_id, again.run.state, again.run.cursor) == (before.run_id, before.state, before.cursor)
        found = await self.log.find_sent(1, "one")
        assert found == again.run
        with pytest.raises(RunNotFound):
            await self.log.entries(before.run_id)
        with pytest.raises(RunNotFound):
            await self.all_of(before.run_id)
        assert await self.all_of(before.run_id, before.cursor) == []
        await self.log.forget(before.run_id)
        assert await self.log.find(before.run_id) is None

    async def test_a_reader_of_a_log_dropped_meanwhile_gets_an_error(self) -> None:
        await self.within(per_owner=FOUR_TEXTS)
        first = await self.created()
        for _ in range(50):
            await self.log.append(first.run.run_id, [token("x" * 2_000)], token=first.token)
        await self.log.append(first.run.run_id, [done()], token=first.token)
        async with aclosing(self.log.follow(first.run.run_id, None, limit=4_000)) as batches:
            await anext(batches)
            for _ in range(5):
                await self.ended()
            with pytest.raises(Lost):
                await asyncio.wait_for(anext(batches), 20)

    async def test_an_owner_without_room_cannot_start_another_run(self) -> None:
        await self.within(per_owner=3 * ROOM_BYTES)
        saved = await self.ended(text="short")
        runs = [await self.created() for _ in range(2)]
        assert await self.log.create(request(sent="one"), live_limit=9) == Full(of_all=False)
        # Nothing was dropped for a run that was refused anyway.
        assert await self.have_logs(saved) == [True]
        assert isinstance(await self.log.create(request(owner=2), live_limit=9), Created)
        await self.log.append(runs[0].run.run_id, [done()], token=runs[0].token)
        assert isinstance(await self.log.create(request(sent="one"), live_limit=9), Created)

    async def test_no_run_starts_without_room_in_the_total_budget(self) -> None:
        await self.within(total=3 * ROOM_BYTES)
        runs = [await self.created(owner=owner) for owner in (1, 2)]
        for _ in range(3):
            assert await self.log.create(request(owner=3), live_limit=9, per_minute=1) == Full(of_all=True)
        await self.log.append(runs[0].run.run_id, [done()], token=runs[0].token)
        # The refused requests did not count.
        assert isinstance(await self.log.create(request(owner=3), live_limit=9, per_minute=1), Created)

    async def test_a_live_run_can_only_grow_into_the_room_of_ended_ones(self) -> None:
        await self.within(total=10 * ROOM_BYTES)
        ended = [await self.ended(owner=owner) for owner in (1, 2, 3)]
        made = await self.created(owner=4)
        texts = await grown(self.log, made, TEXT)
        assert 5 <= texts <= 12
        assert (await self.have_logs(*ended))[:2] == [False, False]
        run = await self.log.find(made.run.run_id)
        assert run
        assert run.is_live
        entries = await self.log.entries(made.run.run_id)
        assert [entry.seq for entry in entries] == list(range(1, texts + 2))
        # Its final event always has room, and the room it frees is available to others.
        following = asyncio.create_task(self.all_of(made.run.run_id, run.cursor))
        await self.log.append(made.run.run_id, [done()], token=made.token)
        assert names(await following) == ["done"]
        assert isinstance(await self.log.create(request(owner=5), live_limit=3), Created)
        assert await self.have_logs(made) == [True]

    async def test_a_long_message_in_the_start_event_counts(self) -> None:
        await self.within(per_owner=FOUR_TEXTS)
        run_id = str(uuid.uuid4())
        long = dataclasses.replace(
            request(),
            run_id=run_id,
            start=Event("start", {"run_id": run_id, "attempt": 1, "user_message": {"text": "x" * FOUR_TEXTS}}),
        )
        assert await self.log.create(long, live_limit=3) == Full(of_all=False)

    async def test_a_forgotten_run_frees_its_room(self) -> None:
        await self.within(per_owner=FOUR_TEXTS)
        kept = await self.ended()
        for _ in range(8):
            made = await self.ended()
            await self.log.forget(made.run.run_id)
        assert await self.have_logs(kept) == [True]

    async def test_only_the_owner_writes_a_checkpoint(self) -> None:
        made = await self.created()
        await self.log.checkpoint(made.run.run_id, {"step": 1}, token=made.token)

        with pytest.raises(Fenced):
            await self.log.checkpoint(made.run.run_id, {"step": 2}, token=made.token + 1)
        with pytest.raises(RunNotFound):
            await self.log.checkpoint("no-such-run", {"step": 2}, token=made.token)

        await self.log.append(made.run.run_id, [done()], token=made.token)
        with pytest.raises(Fenced):
            await self.log.checkpoint(made.run.run_id, {"step": 3}, token=made.token)
