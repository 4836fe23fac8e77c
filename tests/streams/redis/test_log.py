"""The contract with a real Redis, and with several processes; here each process is a separate RedisLog."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from chat.protocol import events
from chat.protocol.events import Event, token
from chat.streams.base import CHECKPOINT_BYTES, Budget, Busy, Created, Duplicate, Fenced, NoRoom, RunNotFound
from chat.streams.redis.log import RedisLog
from tests.streams.contract import StreamLogContract, done, request
from tests.streams.processes import SECONDS, Follower, Processes, created, eventually, everything, say, value
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis


class TestRedisLog(StreamLogContract):
    @pytest.fixture(autouse=True)
    def _server(self, shared_redis: RedisServer) -> Iterator[None]:
        self.server = shared_redis
        yield
        assert shared_redis.keys_that_stay() == []

    async def make_log(self, budget: Budget | None = None) -> RedisLog:
        return RedisLog(self.server.url, prefix=f"{uuid.uuid4()}:", budget=budget)


@pytest.fixture
async def processes(shared_redis: RedisServer) -> AsyncIterator[Processes]:
    async with asyncio.timeout(3 * SECONDS):
        made = Processes(shared_redis)
        yield made
        await made.close()
    assert shared_redis.keys_that_stay() == []


# --- Several processes


async def test_a_process_can_follow_a_run_of_another(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    for part in ("Hel", "lo ", "you"):
        await say(here, run, part)
    await reader.has("Hello you")
    await say(here, run, "!", done())
    await reader.end()
    assert (reader.text, reader.names[0], reader.names[-1]) == ("Hello you!", "start", "done")
    assert [entry.seq for entry in reader.entries if entry.name != "token"] == [1, 6]


async def test_all_processes_know_of_every_run(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here, owner=1, conversation="talk", sent="one")
    assert await there.find(run.run.run_id) == run.run
    assert await there.runs_of(1) == [run.run]
    assert await there.find_sent(1, "one") == run.run
    assert isinstance(await there.create(request(owner=1, sent="one"), live_limit=3), Duplicate)
    assert isinstance(await there.create(request(conversation="talk"), live_limit=3), Busy)


async def test_a_stop_in_another_process_is_received(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    waiting = asyncio.create_task(here.stop_requested(run.run.run_id))
    reader = Follower(here, run.run.run_id)
    await reader.has("")
    await asyncio.sleep(0)
    assert await there.request_stop(run.run.run_id)
    await asyncio.wait_for(waiting, SECONDS)
    assert not await here.request_stop(run.run.run_id)
    await reader.leave()


async def test_a_lost_stop_message_is_noticed_on_renewal(processes: Processes) -> None:
    proxy = await processes.proxy()
    proxy.deaf = True
    here, there = processes.start(proxy.url, renew_seconds=0.05), processes.start()
    run = await created(here)
    waiting = asyncio.create_task(here.stop_requested(run.run.run_id))
    await there.request_stop(run.run.run_id)
    await asyncio.wait_for(waiting, SECONDS)


async def test_a_lost_stop_message_is_noticed_on_the_next_append(processes: Processes) -> None:
    proxy = await processes.proxy()
    proxy.deaf = True
    here, there = processes.start(proxy.url), processes.start()
    run = await created(here)
    await there.request_stop(run.run.run_id)
    assert (await here.append(run.run.run_id, [token("x")], token=run.token)).stop_requested
    await asyncio.wait_for(here.stop_requested(run.run.run_id), SECONDS)


async def test_a_run_followed_by_another_process_is_not_abandoned(processes: Processes) -> None:
    here, there = processes.start(check_seconds=0.3), processes.start(check_seconds=0.3)
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "Hi")
    await reader.has("Hi")
    abandoned = asyncio.create_task(here.abandoned(run.run.run_id, grace=1.5))
    await asyncio.wait({abandoned}, timeout=3)
    assert not abandoned.done()
    await reader.leave()
    await asyncio.wait_for(abandoned, SECONDS)


async def test_a_dead_process_no_longer_counts_as_a_follower(processes: Processes) -> None:
    proxy = await processes.proxy()
    here, there = processes.start(check_seconds=0.1), processes.start(proxy.url, check_seconds=0.1)
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "Hi")
    await reader.has("Hi")
    proxy.away = True
    await asyncio.wait_for(here.abandoned(run.run.run_id, grace=0.1), SECONDS)
    await reader.leave()


# --- Lost messages


async def test_a_gap_left_by_a_lost_message_is_filled_from_the_log(processes: Processes) -> None:
    proxy = await processes.proxy()
    here, there = processes.start(), processes.start(proxy.url)
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")
    proxy.deaf = True
    await say(here, run, "b")
    await eventually(lambda: value(proxy.lost == 1))
    proxy.deaf = False
    await say(here, run, "c")
    await reader.has("abc")
    await say(here, run, done())
    await reader.end()


async def test_a_lost_done_is_found_by_polling(processes: Processes) -> None:
    proxy = await processes.proxy()
    here, there = processes.start(), processes.start(proxy.url, check_seconds=0.1)
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")
    proxy.deaf = True
    await say(here, run, "b", done())
    await reader.end()
    assert (reader.text, reader.names[-1]) == ("ab", "done")


async def test_followers_survive_the_loss_of_their_subscriptions(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    for number in range(30):
        await say(here, run, f"{number} ")
        if number % 3 == 0:
            processes.server.command("CLIENT", "KILL", "TYPE", "pubsub")
    await say(here, run, done())
    await reader.end()
    assert reader.text == "".join(f"{number} " for number in range(30))
    assert "reset" not in reader.names


async def test_a_follower_resumes_when_its_connection_is_back(processes: Processes) -> None:
    proxy = await processes.proxy()
    here, there = processes.start(), processes.start(proxy.url)
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")
    proxy.away = True
    await say(here, run, "b", done())
    proxy.away = False
    await reader.end()
    assert reader.names == ["start", "token", "token", "done"]


# --- Lost replies


async def test_an_append_whose_reply_is_lost_is_made_once(processes: Processes) -> None:
    proxy = await processes.proxy()
    here = processes.start(proxy.url)
    run = await created(here)
    for part in "abc":
        proxy.losing = True
        await say(here, run, part)
    proxy.losing = True
    await say(here, run, done())
    assert proxy.lost == 4
    entries = await here.entries(run.run.run_id)
    assert [entry.data.get("text") for entry in entries] == [None, "a", "b", "c", None]


async def test_a_creation_whose_reply_is_lost_is_a_creation(processes: Processes) -> None:
    proxy = await processes.proxy()
    here = processes.start(proxy.url)
    run = await created(here)
    await say(here, run, done())
    proxy.losing = True
    again = await created(here)
    assert proxy.lost == 1
    await say(here, again, "mine", done())
    assert events.answer(await here.entries(again.run.run_id)) == "mine"


async def test_scripts_that_redis_has_forgotten_are_loaded_again(processes: Processes) -> None:
    here = processes.start()
    run = await created(here)
    processes.server.command("SCRIPT", "FLUSH")
    await asyncio.gather(say(here, run, "a"), say(here, run, "b"), say(here, run, "c"))
    assert events.answer(await here.entries(run.run.run_id)) == "abc"


async def test_a_cancelled_append_is_still_made(processes: Processes) -> None:
    here = processes.start()
    run = await created(here)
    saying = asyncio.create_task(say(here, run, "a"))
    await asyncio.sleep(0)
    saying.cancel()
    await asyncio.gather(saying, return_exceptions=True)
    await say(here, run, "b")
    assert events.answer(await here.entries(run.run.run_id)) == "ab"


# --- Leases


async def test_a_run_of_a_dead_owner_is_claimed_once(processes: Processes) -> None:
    gone, here, there = processes.start(lease_seconds=0.2), processes.start(lease_seconds=0.5), processes.start()
    run = await created(gone)
    await say(gone, run, "Hel")
    (claim,) = await eventually(here.claim_expired)
    assert (claim.run.run_id, claim.attempt, claim.completion, claim.stop_requested) == (
        run.run.run_id,
        2,
        None,
        False,
    )
    assert claim.token > run.token
    assert events.answer(claim.entries) == "Hel"
    assert await there.claim_expired() == []
    await here.append(run.run.run_id, [token("lo"), done()], token=claim.token)
    entries = await everything(there, run.run.run_id, run.run.cursor)
    assert (events.answer(entries), entries[-1].name) == ("Hello", "done")


async def test_an_owner_presumed_dead_can_change_nothing(processes: Processes) -> None:
    zombie, here = processes.start(lease_seconds=0.2), processes.start(lease_seconds=0.5)
    run = await created(zombie)
    working = asyncio.create_task(zombie.stop_requested(run.run.run_id))
    (claim,) = await eventually(here.claim_expired)
    for said in ("late", done()):
        with pytest.raises(Fenced):
            await say(zombie, run, said)
    with pytest.raises(Fenced):
        await zombie.finish(run.run.run_id, {}, token=run.token)
    with pytest.raises(Fenced):
        await working
    assert not await zombie.release(run.run.run_id, token=run.token)
    await here.append(run.run.run_id, [token("mine"), done()], token=claim.token)
    assert [entry.name for entry in await here.entries(run.run.run_id)] == ["start", "token", "done"]


async def test_an_owner_presumed_dead_notices_without_appending(processes: Processes) -> None:
    proxy = await processes.proxy()
    zombie = processes.start(proxy.url, lease_seconds=0.3, renew_seconds=0.05)
    here = processes.start(lease_seconds=0.5)
    run = await created(zombie)
    working = asyncio.create_task(zombie.stop_requested(run.run.run_id))
    proxy.away = True
    await eventually(here.claim_expired)
    proxy.away = False
    with pytest.raises(Fenced):
        await asyncio.wait_for(working, SECONDS)


async def test_a_follower_of_a_lost_run_gets_events_of_the_next_owner(processes: Processes) -> None:
    zombie, here = processes.start(lease_seconds=0.2), processes.start(lease_seconds=0.5)
    run = await created(zombie)
    await say(zombie, run, "a")
    reader = Follower(zombie, run.run.run_id)
    await reader.has("a")
    (claim,) = await eventually(here.claim_expired)
    await here.append(run.run.run_id, [token("b")], token=claim.token)
    with pytest.raises(Fenced):
        await say(zombie, run, "x")
    await here.append(run.run.run_id, [token("c"), done()], token=claim.token)
    await reader.end()
    assert reader.text == "abc"


async def test_a_run_with_a_renewed_lease_is_not_claimed(processes: Processes) -> None:
    alive = processes.start(lease_seconds=3, renew_seconds=0.1)
    here = processes.start(lease_seconds=0.2)
    await created(alive)
    looked_until = time.monotonic() + 2 * 3
    while time.monotonic() < looked_until:
        assert await here.claim_expired() == []
        await asyncio.sleep(0.05)


async def test_a_released_run_can_be_claimed_immediately(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    await here.finish(run.run.run_id, {"status": "completed"}, token=run.token)
    assert await there.claim_expired() == []
    assert await here.release(run.run.run_id, token=run.token)
    with pytest.raises(Fenced):
        await say(here, run, "late")
    (claim,) = await there.claim_expired()
    assert claim.completion == {"status": "completed"}


async def test_only_lost_or_failing_owners_count_as_failures(processes: Processes) -> None:
    here, there = processes.start(lease_seconds=0.5), processes.start(lease_seconds=0.2)
    run = await created(here)
    await here.release(run.run.run_id, token=run.token)
    # A claim that takes longer than a quarter of the lease is not made, so it may take several tries.
    (handed_over,) = await eventually(there.claim_expired)
    assert (handed_over.attempt, handed_over.failures) == (2, 0)
    # The process is gone, so nothing renews its lease.
    await there.close()
    (lost,) = await eventually(here.claim_expired)
    assert (lost.attempt, lost.failures) == (3, 1)
    await here.release(run.run.run_id, token=lost.token, failed=True)
    (failed,) = await eventually(here.claim_expired)
    assert (failed.attempt, failed.failures) == (4, 2)


async def test_a_stop_reaches_the_next_owner(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    await here.request_stop(run.run.run_id)
    await here.release(run.run.run_id, token=run.token)
    (claim,) = await there.claim_expired()
    assert claim.stop_requested
    await asyncio.wait_for(there.stop_requested(run.run.run_id), SECONDS)


async def test_runs_of_a_dead_owner_do_not_count_as_live(processes: Processes) -> None:
    gone, here = processes.start(lease_seconds=0.1), processes.start()
    for _ in range(3):
        await created(gone, owner=7)
    made = await eventually(lambda: _created_or_none(here))
    assert await here.find(made.run.run_id)


async def _created_or_none(log: RedisLog) -> Created | None:
    made = await log.create(request(owner=7), live_limit=3)
    return made if isinstance(made, Created) else None


# --- Limits


async def test_a_slow_reader_reads_from_the_log(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    async with asyncio.timeout(SECONDS), aclosing(there.follow(run.run.run_id, None, limit=8_000)) as batches:
        entries = list((await anext(batches)).entries)
        for number in range(300):
            await say(here, run, f"{number:04} " * 800)
        await say(here, run, done())
        sizes = []
        async for batch in batches:
            entries += batch.entries
            sizes.append(len(events.answer(batch.entries)))
    assert events.answer(entries) == "".join(f"{number:04} " * 800 for number in range(300))
    assert max(sizes) <= 8_000
    assert there._following._feeds == {}


async def test_a_closed_log_leaves_nothing_behind(processes: Processes) -> None:
    def connections() -> int:
        with processes.server.client() as client:
            return len(client.client_list())

    before, tasks = connections(), asyncio.all_tasks()
    log = RedisLog(processes.server.url, prefix=processes.prefix)
    run = await created(log)
    reader = Follower(log, run.run.run_id)
    await say(log, run, "a")
    await reader.has("a")
    await reader.leave()
    await log.close()
    await eventually(lambda: value(connections() == before))
    assert asyncio.all_tasks() == tasks


async def test_an_ended_run_is_kept_for_a_while_and_no_longer(processes: Processes) -> None:
    here = processes.start()
    for event, seconds in ((done(), 300), (Event("error", {}), 900)):
        run = await created(here, sent="same")
        await say(here, run, event)
        with processes.server.client() as client:
            names = [f"{processes.prefix}{kind}:{run.run.run_id}" for kind in ("run", "log")]
            lives = [client.ttl(name) for name in [*names, f"{processes.prefix}sent:1:same"]]
        assert all(seconds - 30 < life <= seconds for life in lives), lives
        await here.forget(run.run.run_id)


async def test_only_the_owner_waits_for_a_stop(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    with pytest.raises(RunNotFound):
        await there.stop_requested(run.run.run_id)


# --- Checkpoints


async def test_the_last_checkpoint_reaches_the_next_owner(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    for number in range(3):
        await here.checkpoint(run.run.run_id, {"step": number, "said": "schön"}, token=run.token)
    assert await here.release(run.run.run_id, token=run.token)

    (claim,) = await there.claim_expired()

    assert claim.checkpoint == {"step": 2, "said": "schön"}
    # The next owner gets it unchanged too.
    assert await there.release(run.run.run_id, token=claim.token)
    (again,) = await here.claim_expired()
    assert again.checkpoint == claim.checkpoint
    await here.append(run.run.run_id, [done()], token=again.token)


async def test_a_run_without_a_checkpoint_is_claimed_without_one(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    assert await here.release(run.run.run_id, token=run.token)

    (claim,) = await there.claim_expired()

    assert claim.checkpoint is None
    await there.append(run.run.run_id, [done()], token=claim.token)


async def test_a_former_owner_cannot_replace_the_checkpoint(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    await here.checkpoint(run.run.run_id, {"step": 1}, token=run.token)
    assert await here.release(run.run.run_id, token=run.token)
    (claim,) = await there.claim_expired()

    with pytest.raises(Fenced):
        await here.checkpoint(run.run.run_id, {"step": 2}, token=run.token)

    assert await there.release(run.run.run_id, token=claim.token)
    (again,) = await there.claim_expired()
    assert again.checkpoint == {"step": 1}
    await there.append(run.run.run_id, [done()], token=again.token)


async def test_a_checkpoint_takes_room_only_while_the_run_is_live(processes: Processes) -> None:
    here = processes.start(budget=Budget(total=700_000, per_owner=700_000))
    run = await created(here)
    large = {"said": "x" * 200_000}
    await here.checkpoint(run.run.run_id, large, token=run.token)
    # Each one replaces the previous checkpoint.
    for _ in range(5):
        await here.checkpoint(run.run.run_id, large, token=run.token)
    with pytest.raises(NoRoom):
        await here.checkpoint(run.run.run_id, {"said": "x" * 800_000}, token=run.token)
    await say(here, run, "a", done())
    # A run that needs almost the whole budget: the ended run's checkpoint no longer counts.
    other = await created(here, conversation="other", sent="other")
    await here.checkpoint(other.run.run_id, {"said": "x" * 500_000}, token=other.token)
    await say(here, other, done())

    assert [entry.name for entry in await everything(here, run.run.run_id)] == ["start", "token", "done"]


async def test_a_checkpoint_is_limited_whatever_room_there_is(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    await here.checkpoint(run.run.run_id, {"step": 1}, token=run.token)

    with pytest.raises(NoRoom):
        await here.checkpoint(run.run.run_id, {"said": "x" * CHECKPOINT_BYTES}, token=run.token)

    assert await here.release(run.run.run_id, token=run.token)
    (claim,) = await there.claim_expired()
    assert claim.checkpoint == {"step": 1}
    await there.append(run.run.run_id, [done()], token=claim.token)
