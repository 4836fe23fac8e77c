"""How many streams and requests one user may have open at once, without affecting other users."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from chat.quotas.quotas import Quotas, install, quotas
from chat.quotas.redis_connections import RedisConnections
from chat.quotas.requests import Requests
from tests.api.rig import Browser, Stream
from tests.chat_rig import Rig
from tests.streams.redis_server import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)

TABS = 30


async def doors(chat: Rig) -> list[tuple[str, str, Any]]:
    """Every request whose response stays open."""
    sent = await chat.send("a live one")
    return [
        ("GET", "/api/events", None),
        ("GET", f"/api/runs/{sent.run_id}/events", None),
        ("POST", "/api/runs/stream", {"text": "Hello"}),
        ("POST", "/api/runs/wait", {"text": "Hello"}),
    ]


async def is_refused(browser: Browser, method: str, path: str, body: Any) -> bool:
    response = await browser.ask(method, path, body)
    assert (response.status, response.data["error"]["code"]) == (429, "too_many_requests")
    assert response.data["error"]["retryable"] is True
    assert int(response.headers["retry-after"]) >= 20
    return True


async def test_one_stream_too_many_is_refused_by_every_endpoint(
    chat: Rig, owner: Browser, stranger: Browser, settings: Any
) -> None:
    settings.CHAT_STREAMS_PER_USER = 1
    asked = await doors(chat)
    running = len(await chat.engine.log.runs_of(chat.alice.pk))
    held = await owner.open("GET", "/api/events")
    for door in asked:
        assert await is_refused(owner, *door)
    # A refused message starts no run.
    assert len(await chat.engine.log.runs_of(chat.alice.pk)) == running
    # Short requests and other users are not counted.
    assert (await owner.get("/api/runs")).status == 200
    theirs = await stranger.open("GET", "/api/events")
    assert theirs.status == 200
    await theirs.close()
    await held.close()


async def test_every_endpoint_counts_towards_the_limit(chat: Rig, owner: Browser, settings: Any) -> None:
    settings.CHAT_STREAMS_PER_USER = 1
    for method, path, body in await doors(chat):
        opening = asyncio.create_task(owner.open(method, path, body))
        async with asyncio.timeout(10):
            while not quotas().connections._open:  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)
        assert await is_refused(owner, "GET", "/api/events", None)
        if path == "/api/runs/wait":
            async with asyncio.timeout(10):
                while len(await chat.engine.log.runs_of(chat.alice.pk)) < 3:
                    await asyncio.sleep(0.01)
            for run in await chat.engine.log.runs_of(chat.alice.pk):
                await chat.engine.stop(chat.alice.pk, run.run_id)
            response = await opening
            while not response.ended:
                await response.chunk()
        else:
            await (await opening).close()
        assert not quotas().connections._open  # type: ignore[attr-defined]


async def test_with_a_higher_limit_there_is_room(chat: Rig, owner: Browser, settings: Any) -> None:
    """The control: it is the limit that refuses."""
    settings.CHAT_STREAMS_PER_USER = 2
    streams = [await owner.open("GET", "/api/events") for _ in range(2)]
    assert [stream.status for stream in streams] == [200, 200]
    for stream in streams:
        await stream.close()


async def test_a_place_is_freed_however_a_stream_ends(chat: Rig, owner: Browser, settings: Any) -> None:
    settings.CHAT_STREAMS_PER_USER = 1
    sent = await chat.turn()
    # A run that has ended; refusals before and after the slot was taken; HEAD; a client that disconnects.
    assert (await owner.get(f"/api/runs/{sent.run_id}/events")).status == 200
    assert (await owner.get(f"/api/runs/{uuid.uuid4()}/events")).status == 404
    assert (await owner.get("/api/events?after=nonsense")).status == 400
    assert (await owner.post("/api/runs/stream", {"text": ""})).status == 400
    assert (await owner.post("/api/runs/wait", b"no JSON")).status == 400
    assert (await owner.ask("HEAD", "/api/events")).status == 200
    for _ in range(3):
        stream = await owner.open("GET", "/api/events")
        assert stream.status == 200
        await stream.close()
    assert not quotas().connections._open  # type: ignore[attr-defined]


async def test_thirty_sse_tabs_stay_under_the_limits(chat: Rig, owner: Browser) -> None:
    """With the default limits. Each tab streams notices and one answer."""
    sent = await chat.send()
    paths = ["/api/events", f"/api/runs/{sent.run_id}/events"] * TABS
    streams: list[Stream] = [await owner.open("GET", path) for path in paths]
    assert {stream.status for stream in streams} == {200}
    for stream in streams:
        await stream.close()


@pytest.mark.redis
async def test_streams_in_another_process_count_too(
    chat: Rig, owner: Browser, settings: Any, shared_redis: RedisServer
) -> None:
    settings.CHAT_STREAMS_PER_USER = 1
    prefix = f"{uuid.uuid4()}:"
    here, there = (RedisConnections(shared_redis.url, prefix=prefix) for _ in range(2))
    install(Quotas(here))
    place = await there.open("streams", chat.alice.pk, limit=1)
    assert await is_refused(owner, "GET", "/api/events", None)
    place.leave()
    await there.close()
    stream = await owner.open("GET", "/api/events")
    assert stream.status == 200
    await stream.close()
    await here.close()


async def test_anonymous_requests_take_no_place(chat: Rig, anonymous: Browser, settings: Any) -> None:
    settings.CHAT_STREAMS_PER_USER = 1
    for _ in range(3):
        assert (await anonymous.get("/api/events")).status == 401
    assert not quotas().connections._open  # type: ignore[attr-defined]


async def test_requests_of_one_user_are_queued(chat: Rig, owner: Browser, stranger: Browser) -> None:
    made = quotas()
    made.requests = Requests(1, waiting=1)
    async with made.requests.turn(chat.alice.pk):
        waiting = asyncio.create_task(owner.get("/api/conversations"))
        async with asyncio.timeout(10):
            while not made.requests._limit._waiting:
                await asyncio.sleep(0.01)
        refused = await owner.get("/api/conversations")
        assert (refused.status, refused.data["error"]["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"] == "1"
        assert (await stranger.get("/api/conversations")).status == 200
        assert not waiting.done()
    assert (await waiting).status == 200


async def test_send_attempts_are_counted_before_any_lookup(
    chat: Rig, owner: Browser, stranger: Browser, settings: Any
) -> None:
    settings.CHAT_SENDS_PER_MINUTE = 1
    nowhere = {"conversation_id": str(uuid.uuid4()), "text": "Hello"}
    paths = ["/api/runs", "/api/runs/stream", "/api/runs/wait", "/api/runs", "/api/runs"]
    responses = [await owner.post(path, nowhere) for path in paths]
    assert [response.status for response in responses] == [404, 404, 404, 404, 429]
    assert responses[-1].data["error"]["code"] == "rate_limited"
    assert (await stranger.post("/api/runs", nowhere)).status == 404
