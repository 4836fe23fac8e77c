"""Redis goes away and comes back: after a pause, or restarted with all, some or none of its data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from chat.protocol import events
from chat.streams.base import Created, Fenced, LogUnavailable, Lost, RunNotFound
from tests.streams.contract import done, request
from tests.streams.processes import SECONDS, Follower, Processes, created, eventually, everything, say, value
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis

# Short, but longer than a busy machine delays a process.
LEASE_SECONDS: Final = 2.5


@asynccontextmanager
async def over(server: RedisServer) -> AsyncIterator[Processes]:
    async with asyncio.timeout(3 * SECONDS):
        made = Processes(server)
        yield made
        await made.close()
    assert server.keys_that_stay() == []


@pytest.fixture
async def processes(own_redis: RedisServer) -> AsyncIterator[Processes]:
    async with over(own_redis) as made:
        yield made


@pytest.fixture
async def lasting(lasting_redis: RedisServer) -> AsyncIterator[Processes]:
    async with over(lasting_redis) as made:
        yield made


# --- Paused


async def test_a_pause_ends_no_run(processes: Processes) -> None:
    here = processes.start(call_seconds=0.5, renew_seconds=0.1, lease_seconds=LEASE_SECONDS)
    there = processes.start(call_seconds=0.5, check_seconds=0.1, lease_seconds=LEASE_SECONDS)
    claimed: list[object] = []

    async def claim() -> None:
        while True:
            try:
                claimed.extend(await there.claim_expired())
            except LogUnavailable:
                continue
            await asyncio.sleep(0.01)

    run = await created(here)
    claiming = asyncio.create_task(claim())
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")

    processes.server.pause()
    saying = asyncio.create_task(say(here, run, "b"))
    await asyncio.wait({saying}, timeout=1.2 * LEASE_SECONDS)
    assert not saying.done()
    processes.server.resume()

    await saying
    await say(here, run, "c")
    await reader.has("abc")
    # Longer than a lease: an owner that could not renew is not taken for dead.
    await asyncio.wait({claiming}, timeout=1.2 * LEASE_SECONDS)
    await say(here, run, done())
    await reader.end()
    claiming.cancel()
    await asyncio.gather(claiming, return_exceptions=True)
    assert claimed == []
    assert [entry.seq for entry in await here.entries(run.run.run_id)] == [1, 2, 3, 4, 5]


async def test_a_request_during_a_pause_times_out(processes: Processes) -> None:
    here = processes.start(call_seconds=0.5)
    run = await created(here)
    assert await here.is_ready()
    processes.server.pause()
    for call in (
        here.create(request(), live_limit=3),
        here.find(run.run.run_id),
        here.runs_of(1),
        here.request_stop(run.run.run_id),
        here.claim_expired(),
    ):
        async with asyncio.timeout(SECONDS):
            with pytest.raises(LogUnavailable):
                await call
    assert not await here.is_ready()
    processes.server.resume()
    assert await eventually(here.is_ready)


async def test_a_refused_message_sent_again_is_one_run(processes: Processes) -> None:
    here = processes.start(call_seconds=1)
    await here.is_ready()
    processes.server.pause()
    with pytest.raises(LogUnavailable):
        await here.create(request(sent="one"), live_limit=3)
    processes.server.resume()
    await eventually(here.is_ready)
    await here.create(request(sent="one"), live_limit=3)
    assert len(await here.runs_of(1)) == 1


async def test_an_append_times_out_without_partial_writes(processes: Processes) -> None:
    here = processes.start(call_seconds=1, append_seconds=2)
    run = await created(here)
    processes.server.pause()
    with pytest.raises(LogUnavailable):
        await say(here, run, "a")
    processes.server.resume()
    await eventually(here.is_ready)
    await say(here, run, "b", done())
    assert events.answer(await here.entries(run.run.run_id)) == "ab"


async def test_an_end_not_stored_in_time_is_left_to_another_process(processes: Processes) -> None:
    """Its owner has given up. If it kept renewing the lease, the run would stay live and its readers would wait."""
    proxy = await processes.proxy()
    here = processes.start(proxy.url, call_seconds=0.1, append_seconds=0.3, renew_seconds=0.05, lease_seconds=0.5)
    there = processes.start(lease_seconds=0.5)
    run = await created(here)
    proxy.away = True
    with pytest.raises(LogUnavailable):
        await say(here, run, "a", done())
    proxy.away = False
    await eventually(here.is_ready)
    (claim,) = await eventually(there.claim_expired)
    assert claim.run.run_id == run.run.run_id


# --- Restarted with its data


async def test_a_restart_with_data_is_not_noticed(lasting: Processes) -> None:
    here, there = lasting.start(), lasting.start()
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")
    lasting.server.kill()
    saying = asyncio.create_task(say(here, run, "b"))
    lasting.server.start()
    await saying
    await say(here, run, "c", done())
    await reader.end()
    assert (reader.text, set(reader.epochs)) == ("abc", {run.run.cursor.epoch})


async def test_a_restart_with_lost_data_starts_a_new_epoch(lasting: Processes) -> None:
    here, there = lasting.start(), lasting.start()
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await say(here, run, "b")
    await reader.has("ab")
    key = f"{lasting.prefix}run:{run.run.run_id}"
    lasting.server.command("HSET", key, "seq", 2)
    lasting.server.command("XDEL", f"{lasting.prefix}log:{run.run.run_id}", "3-0")
    lasting.server.kill()
    lasting.server.start()
    await say(here, run, "c", done())
    await reader.end()
    assert reader.text == "abc"
    assert reader.names.count("reset") == 1
    assert len(set(reader.epochs)) == 2
    assert events.answer(await here.entries(run.run.run_id)) == "abc"


async def test_a_run_claimed_after_a_restart_has_a_new_epoch(lasting: Processes) -> None:
    gone, here = lasting.start(), lasting.start()
    run = await created(gone)
    await say(gone, run, "a")
    await gone.release(run.run.run_id, token=run.token)
    await gone.close()
    reader = Follower(here, run.run.run_id)
    await reader.has("a")
    lasting.server.kill()
    lasting.server.start()
    (claim,) = await eventually(lambda: _claimed(here))
    await here.append(run.run.run_id, [events.reset(2, "interrupted"), events.token("b"), done()], token=claim.token)
    assert claim.run.cursor.epoch != run.run.cursor.epoch
    await reader.end()
    assert reader.text == "b"
    resumed = await everything(here, run.run.run_id, run.run.cursor)
    assert (resumed[0].name, resumed[0].data) == ("reset", {"attempt": 2, "reason": "unknown_cursor"})


async def _claimed(log: object) -> list[object]:
    try:
        return await log.claim_expired()  # type: ignore[attr-defined,no-any-return]
    except LogUnavailable:
        return []


# --- Restarted empty


async def test_an_answer_survives_an_empty_redis(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here, conversation="talk", sent="one")
    readers = [Follower(here, run.run.run_id), Follower(there, run.run.run_id)]
    await say(here, run, "Hel")
    for reader in readers:
        await reader.has("Hel")
    processes.server.kill()
    processes.server.start()
    cursor = await say(here, run, "lo")
    assert cursor.epoch != run.run.cursor.epoch
    await say(here, run, "!", done())
    for reader in readers:
        await reader.end()
        assert reader.text == "Hello!"
        assert reader.names[-1] == "done"
        assert reader.names.count("reset") == 1
    entries = await there.entries(run.run.run_id)
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    found = await there.find_sent(1, "one")
    assert found is not None
    assert (found.run_id, found.state) == (run.run.run_id, "completed")


async def test_a_silent_run_is_restored_too(processes: Processes) -> None:
    here, there = processes.start(renew_seconds=0.1), processes.start()
    assert await there.is_ready()
    run = await created(here, conversation="talk")
    await say(here, run, "a")
    await here.checkpoint(run.run.run_id, {"step": 1}, token=run.token)
    await here.finish(run.run.run_id, {"status": "completed"}, token=run.token)
    processes.server.kill()
    processes.server.start()
    found = await eventually(lambda: there.find(run.run.run_id))
    assert found is not None
    assert (found.state, found.cursor.seq) == ("live", 2)
    assert await here.release(run.run.run_id, token=run.token)
    (claim,) = await there.claim_expired()
    assert claim.completion == {"status": "completed"}
    assert claim.checkpoint == {"step": 1}


async def test_the_last_append_to_an_empty_redis_is_the_end_of_the_run(processes: Processes) -> None:
    here = processes.start()
    run = await created(here, conversation="talk")
    await say(here, run, "a")
    processes.server.kill()
    processes.server.start()
    await say(here, run, "b", done())
    found = await here.find(run.run.run_id)
    assert found is not None
    assert found.state == "completed"
    assert isinstance(await here.create(request(conversation="talk"), live_limit=3), Created)
    assert await here.claim_expired() == []


async def test_a_run_that_is_not_restored_is_lost(processes: Processes) -> None:
    gone, here = processes.start(), processes.start(lease_seconds=0.3)
    run = await created(gone)
    await say(gone, run, "a")
    reader = Follower(here, run.run.run_id)
    await reader.has("a")
    await gone.close()
    processes.server.kill()
    processes.server.start()
    with pytest.raises(Lost):
        await reader.end()
    with pytest.raises(RunNotFound):
        await here.entries(run.run.run_id)


async def test_a_message_sent_again_meanwhile_is_not_answered_twice(processes: Processes) -> None:
    here, there = processes.start(call_seconds=1), processes.start()
    first = await created(here, sent="one")
    working = asyncio.create_task(here.stop_requested(first.run.run_id))
    await say(here, first, "a")
    processes.server.kill()
    processes.server.start()
    second = await created(there, sent="one")
    with pytest.raises(Lost):
        await say(here, first, "b")
    with pytest.raises(Lost):
        await working
    with pytest.raises((RunNotFound, Fenced)):
        await say(here, first, "c")
    await say(there, second, "mine", done())
    (run,) = await there.runs_of(1)
    assert run.run_id == second.run.run_id


async def test_runs_are_restored_one_by_one_to_an_empty_redis(processes: Processes) -> None:
    here = processes.start()
    runs = [await created(here, owner=number) for number in range(20)]
    for run in runs:
        await say(here, run, "a")
    processes.server.kill()
    processes.server.start()
    await asyncio.gather(*(say(here, run, "b") for run in runs), *(say(here, run, "c") for run in runs))
    for run in runs:
        await say(here, run, done())
        assert sorted(events.answer(await here.entries(run.run.run_id))) == ["a", "b", "c"]
    assert await eventually(lambda: value(processes.server.keys_that_stay() == []))


async def test_a_restored_run_keeps_its_failure_count(processes: Processes) -> None:
    here, there = processes.start(renew_seconds=0.1), processes.start()
    assert await there.is_ready()
    run = await created(here)
    assert await here.release(run.run.run_id, token=run.token, failed=True)
    (claim,) = await here.claim_expired()
    processes.server.kill()
    processes.server.start()
    assert await eventually(lambda: there.find(run.run.run_id)) is not None
    assert await here.release(run.run.run_id, token=claim.token)
    (claim,) = await there.claim_expired()
    assert (claim.attempt, claim.failures) == (3, 1)
