"""A Redis that has reached its own memory limit: filled by other keys, such as a cache or notices, or by the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
import redis

from chat.protocol import events
from chat.protocol.events import Event, token
from chat.streams.base import ROOM_BYTES, Budget, Created, Full, NoRoom
from chat.streams.redis.log import RUN_BYTES
from tests.streams.contract import done, grown, request
from tests.streams.processes import SECONDS, Follower, Processes, created, eventually, everything, say
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.redis

MEGABYTE: Final = 1024 * 1024
CHUNK: Final = 64 * 1024
FILLING: Final = "filling:"
FILLINGS: Final = 32


@pytest.fixture
async def processes(own_redis: RedisServer) -> AsyncIterator[Processes]:
    async with asyncio.timeout(3 * SECONDS):
        made = Processes(own_redis)
        yield made
        await made.close()
    empty(own_redis)
    assert own_redis.keys_that_stay() == []


def fill(server: RedisServer) -> None:
    """Fill Redis with other keys until it refuses writes."""
    with server.client() as client:
        for number in range(FILLINGS):
            client.set(f"{FILLING}{number}", "x" * CHUNK)
        # Over the limit by more than Redis frees when a client disconnects.
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 4 * CHUNK)
        # Control: any write that is not ours fails like this.
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set(f"{FILLING}more", "x")


def empty(server: RedisServer) -> None:
    with server.client() as client:
        for key in client.scan_iter(f"{FILLING}*", count=1000):
            client.delete(key)


def over(server: RedisServer) -> int:
    with server.client() as client:
        memory = client.info("memory")
        return int(memory["used_memory"] - memory["maxmemory"])


# --- Memory accounting


@pytest.mark.parametrize(
    ("size", "count"), [(1, 3000), (12, 3000), (60, 2000), (500, 400), (1000, 300), (4096, 250), (60_000, 10)]
)
async def test_counted_memory_is_close_to_what_redis_reports(processes: Processes, size: int, count: int) -> None:
    here = processes.start(budget=Budget(64 * MEGABYTE, 64 * MEGABYTE))
    run = await created(here)
    for begin in range(0, count, 50):
        batch = [token("x" * size) for _ in range(min(50, count - begin))]
        await here.append(run.run.run_id, batch, token=run.token)
    await say(here, run, done())
    with processes.server.client() as client:
        names = [f"{processes.prefix}{name}" for name in (f"run:{run.run.run_id}", f"log:{run.run.run_id}")]
        real = sum(client.memory_usage(name, samples=0) for name in names)
        counted = int(client.hget(names[0], "bytes"))
        assert int(client.hget(f"{processes.prefix}ended", "all")) == counted
    assert real <= counted <= 2 * real + RUN_BYTES


async def test_a_run_without_its_log_uses_little_memory(processes: Processes) -> None:
    here = processes.start()
    used = []
    # The first batch also pays for connections and scripts.
    for count in (50, 450):
        for number in range(count):
            run = await created(here, owner=number % 9)
            await say(here, run, "x" * 400, done())
        processes.server.command("DEL", *[key for key in _keys(processes) if b":log:" in key])
        with processes.server.client() as client:
            used.append(client.info("memory")["used_memory"])
    assert used[1] - used[0] <= 450 * RUN_BYTES


async def test_nothing_is_counted_once_everything_is_gone(processes: Processes) -> None:
    here = processes.start(budget=Budget(total=4 * ROOM_BYTES))
    runs = []
    for number in range(12):
        run = await created(here, owner=number % 3)
        await say(here, run, "x" * 50_000, done() if number % 4 else Event("error", {}))
        runs.append(run)
    ended = f"{processes.prefix}ended"
    with processes.server.client() as client:
        sets = [f"{processes.prefix}{kind}" for kind in ("saved", "failed")]
        kept = [member.split() for name in sets for member in client.zrange(name, 0, -1)]
        assert 0 < len(kept) < 12
        assert int(client.hget(ended, "all")) == sum(int(size) for _, _, size in kept)
        for run in runs:
            await here.forget(run.run.run_id)
        assert client.hgetall(ended) == {b"all": b"0"}
        assert not client.exists(*sets)


async def test_the_room_of_expired_runs_is_freed(processes: Processes) -> None:
    here = processes.start(budget=Budget(total=4 * ROOM_BYTES))
    run = await created(here)
    await say(here, run, "x" * 100_000, done())
    with processes.server.client() as client:
        # As if its keys had expired.
        client.delete(*(f"{processes.prefix}{kind}:{run.run.run_id}" for kind in ("run", "log")))
        ((member, _),) = client.zrange(f"{processes.prefix}saved", 0, -1, withscores=True)
        client.zadd(f"{processes.prefix}saved", {member: 1})
        await created(here, owner=2)
        assert client.hgetall(f"{processes.prefix}ended") == {b"all": b"0"}


async def test_a_restored_run_is_counted_again(processes: Processes) -> None:
    here = processes.start(budget=Budget(total=4 * ROOM_BYTES))
    run = await created(here)
    await say(here, run, "x" * 100_000)
    processes.server.kill()
    processes.server.start()
    await say(here, run, "y" * 100_000, done())
    with processes.server.client() as client:
        assert int(client.hget(f"{processes.prefix}ended", "1")) > 200_000


async def test_runs_of_a_lost_process_do_not_count_forever(processes: Processes) -> None:
    gone, here = processes.start(), processes.start(budget=Budget(total=2 * ROOM_BYTES))
    run = await created(gone)
    assert await here.create(request(owner=2), live_limit=3) == Full(of_all=True)
    # As if nobody had taken it over before its key expired.
    processes.server.command("DEL", f"{processes.prefix}run:{run.run.run_id}")
    assert isinstance(await here.create(request(owner=2), live_limit=3), Created)


# --- A budget with concurrent appends


async def test_appends_after_one_without_room_fail_too(processes: Processes) -> None:
    here = processes.start(budget=Budget(total=2 * ROOM_BYTES))
    run = await created(here)
    await say(here, run, "a")
    said = await asyncio.gather(
        say(here, run, "x" * 2 * ROOM_BYTES), say(here, run, "b"), say(here, run, done()), return_exceptions=True
    )
    assert [type(each) for each in said[:2]] == [NoRoom, NoRoom]
    assert [entry.name for entry in await here.entries(run.run.run_id)] == ["start", "token", "done"]
    found = await here.find(run.run.run_id)
    assert found is not None
    assert (found.state, found.cursor.seq) == ("completed", 3)


async def test_an_answer_continues_after_an_append_without_room(processes: Processes) -> None:
    here, there = processes.start(budget=Budget(total=2 * ROOM_BYTES)), processes.start()
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")
    with pytest.raises(NoRoom):
        await say(here, run, "x" * 2 * ROOM_BYTES)
    # What Redis loses is restored without the refused text.
    processes.server.kill()
    processes.server.start()
    await say(here, run, "b", done())
    await reader.end()
    assert reader.text == "ab"


# --- Redis's own memory limit


async def test_a_full_redis_is_not_ready_and_accepts_no_run(processes: Processes) -> None:
    here = processes.start()
    assert await here.is_ready()
    assert isinstance(await here.create(request(), live_limit=9), Created)
    fill(processes.server)
    assert not await here.is_ready()
    assert await here.create(request(owner=2, sent="one"), live_limit=9) == Full(of_all=True)
    empty(processes.server)
    assert await eventually(here.is_ready)
    assert isinstance(await here.create(request(owner=2, sent="one"), live_limit=9), Created)


async def test_no_run_starts_without_room_for_the_live_ones(processes: Processes) -> None:
    here = processes.start()
    await here.is_ready()
    with processes.server.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 12 * ROOM_BYTES)
    made = [await here.create(request(owner=number), live_limit=9) for number in range(20)]
    runs = [each for each in made if isinstance(each, Created)]
    assert 4 <= len(runs) <= 12
    # Redis itself would still accept writes; that room is reserved for these runs.
    assert await here.is_ready()
    for run in runs:
        await say(here, run, "x" * (ROOM_BYTES // 2))
        await say(here, run, done())


async def test_a_live_answer_continues_and_ends_in_a_full_redis(processes: Processes) -> None:
    here, there = processes.start(renew_seconds=0.1, lease_seconds=3), processes.start(check_seconds=0.1)
    run = await created(here)
    reader = Follower(there, run.run.run_id)
    await say(here, run, "a")
    await reader.has("a")
    fill(processes.server)
    await say(here, run, "b")
    await reader.has("ab")
    late = Follower(there, run.run.run_id)
    await late.has("ab")
    assert await there.request_stop(run.run.run_id)
    await asyncio.wait_for(here.stop_requested(run.run.run_id), SECONDS)
    await here.finish(run.run.run_id, {"status": "completed"}, token=run.token)
    assert over(processes.server) > 0
    await say(here, run, "c", done())
    await reader.end()
    await late.end()
    assert (reader.text, reader.names[-1], late.text) == ("abc", "done", "abc")


async def test_a_lost_run_is_taken_over_in_a_full_redis(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    fill(processes.server)
    assert await here.release(run.run.run_id, token=run.token)
    (claim,) = await there.claim_expired()
    await there.append(run.run.run_id, [events.reset(2, "interrupted"), token("a"), done()], token=claim.token)
    assert (await everything(there, run.run.run_id))[-1].name == "done"


async def test_ended_runs_make_room_for_a_live_one_in_a_full_redis(processes: Processes) -> None:
    here = processes.start()
    saved, failed, run = [await created(here, owner=number) for number in range(3)]
    await say(here, saved, "x" * 400_000, done())
    await say(here, failed, "x" * 100_000, Event("error", {}))
    fill(processes.server)
    await say(here, run, "x" * 50_000)
    assert over(processes.server) <= 0
    assert [(await here.find(each.run.run_id)).has_log for each in (saved, failed)] == [False, True]  # type: ignore[union-attr]


async def test_ended_runs_make_room_for_a_new_one_in_a_full_redis(processes: Processes) -> None:
    here = processes.start()
    saved = [await created(here, owner=number) for number in range(4)]
    for each in saved:
        await say(here, each, "x" * 250_000, done())
    fill(processes.server)
    assert isinstance(await here.create(request(owner=9), live_limit=3), Created)
    has_log = [(await here.find(each.run.run_id)).has_log for each in saved]  # type: ignore[union-attr]
    assert has_log == sorted(has_log)
    assert not has_log[0]


async def test_a_live_answer_without_room_gets_an_error_and_can_end(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    run = await created(here)
    fill(processes.server)
    assert await grown(here, run, "x" * (ROOM_BYTES // 8)) > 2
    # No more than the room reserved for it at its start.
    assert over(processes.server) <= 4 * CHUNK + 2 * ROOM_BYTES
    await say(here, run, done())
    assert (await everything(there, run.run.run_id))[-1].name == "done"


async def test_a_redis_with_an_eviction_policy_is_never_full(processes: Processes) -> None:
    here = processes.start()
    await here.is_ready()
    fill(processes.server)
    assert await here.create(request(), live_limit=9) == Full(of_all=True)
    processes.server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    assert isinstance(await here.create(request(), live_limit=9), Created)


# --- Redis refuses writes for another reason


@pytest.mark.parametrize("refuse", [("REPLICAOF", "127.0.0.1", "1"), ("CONFIG", "SET", "min-replicas-to-write", "1")])
async def test_a_read_only_redis_is_not_ready(processes: Processes, refuse: tuple[str, ...]) -> None:
    here = processes.start()
    assert await here.is_ready()
    processes.server.command(*refuse)
    # It still answers reads, so a read would not show the problem.
    assert await here.find("nothing") is None
    assert not await here.is_ready()
    processes.server.command("REPLICAOF", "NO", "ONE")
    processes.server.command("CONFIG", "SET", "min-replicas-to-write", "0")
    assert await eventually(here.is_ready)


async def test_the_readiness_check_leaves_one_expiring_key(processes: Processes) -> None:
    here = processes.start()
    for _ in range(5):
        assert await here.is_ready()
    keys = [key for key in _keys(processes) if b"ready" in key]
    assert len(keys) == 1
    with processes.server.client() as client:
        assert 0 < client.ttl(keys[0]) <= 10


def _keys(processes: Processes) -> list[bytes]:
    with processes.server.client() as client:
        return list(client.scan_iter(f"{processes.prefix}*", count=1000))
