"""chat.api.request_queue, in front of a fake Django."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chat.api.request_queue import RequestQueue
from chat.quotas.arrivals import TURN
from chat.quotas.quotas import ARRIVING, quotas
from chat.quotas.repeated_errors import REFUSED
from chat.quotas.requests import LONGEST_REST_SECONDS, Requests

ALICE = 1
TOKEN = b"Bearer chat_alice"


class Django:
    """A fake Django: each request lasts until `end` is set, then responds with `status`."""

    def __init__(self) -> None:
        self.begun = 0
        self.end = asyncio.Event()
        self.end.set()
        self.status = 200
        self.arrives = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun += 1
        if self.arrives:
            await scope[TURN].aclose()
        await self.end.wait()
        headers = [(b"Retry-After", b"2"), (b"Set-Cookie", b"csrftoken=1")] if self.status == 429 else []
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"error": {}}'})


class Client:
    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def get(
        self,
        path: str = "/api/search",
        *,
        token: bytes = TOKEN,
        method: str = "GET",
        reads: asyncio.Event | None = None,
    ) -> list[dict[str, Any]]:
        """The messages of the response. If `reads` is given, the client reads only once it is set."""
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if reads is not None:
                await reads.wait()

        scope = {"type": "http", "method": method, "path": path, "headers": [(b"authorization", token)]}
        await self._app(scope, None, send)
        return sent


@pytest.fixture
async def django() -> Django:
    quotas().credentials.learn("token chat_alice", ALICE)
    return Django()


@pytest.fixture
async def client(django: Django) -> Client:
    return Client(RequestQueue(django))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_only_a_few_requests_of_a_user_reach_django_at_once(django: Django, client: Client) -> None:
    django.end.clear()
    crowd = [asyncio.create_task(client.get()) for _ in range(10)]
    await settle()
    assert django.begun == ARRIVING
    # A request with an unknown credential and one for a static file do not wait.
    stranger = asyncio.create_task(client.get(token=b"Bearer chat_bob"))
    file = asyncio.create_task(client.get("/static/js/app.js"))
    await settle()
    assert django.begun == ARRIVING + 2
    django.end.set()
    responses = await asyncio.gather(*crowd, stranger, file)
    assert [response[0]["status"] for response in responses] == [200] * 12


async def test_a_request_makes_room_once_its_view_runs(django: Django, client: Client) -> None:
    """Views have limits of their own, so requests that wait in a view do not block others."""
    django.end.clear()
    django.arrives = True
    crowd = [asyncio.create_task(client.get()) for _ in range(10)]
    async with asyncio.timeout(10):
        while django.begun < 10:
            await asyncio.sleep(0.01)
    django.end.set()
    await asyncio.gather(*crowd)


async def test_beyond_the_queue_requests_are_refused_before_django(django: Django, client: Client) -> None:
    quotas().arrivals = Requests(1, waiting=0)
    django.end.clear()
    first = asyncio.create_task(client.get())
    await settle()
    start, body = await client.get()
    headers = dict(start["headers"])
    assert (start["status"], headers[b"retry-after"], headers[b"cache-control"]) == (429, b"1", b"no-store")
    assert headers[b"content-security-policy"] == b"default-src 'none'; frame-ancestors 'none'"
    assert b'"too_many_requests"' in body["body"]
    assert django.begun == 1
    django.end.set()
    await first


async def test_repeatedly_refused_requests_are_answered_before_django(django: Django, client: Client) -> None:
    django.status = 429
    responses = [await client.get() for _ in range(100)]
    assert django.begun == REFUSED + 1
    assert {response[0]["status"] for response in responses} == {429}
    assert {response[1]["body"] for response in responses} == {b'{"error": {}}'}
    # A cookie is for one response only.
    assert responses[-1][0]["headers"] == [(b"Retry-After", b"2")]
    await client.get("/api/assistants")
    assert django.begun == REFUSED + 2


async def test_accepted_requests_are_never_answered_from_memory(django: Django, client: Client) -> None:
    """The control."""
    for _ in range(100):
        await client.get()
    assert django.begun == 100


async def test_a_cancelled_request_makes_room(django: Django, client: Client) -> None:
    quotas().arrivals = Requests(1)
    django.end.clear()
    first = asyncio.create_task(client.get())
    await settle()
    first.cancel()
    await settle()
    django.end.set()
    [start, _] = await client.get()
    assert start["status"] == 200


async def test_a_slow_upload_does_not_block_other_requests(django: Django, client: Client) -> None:
    django.end.clear()
    uploads = [asyncio.create_task(client.get("/api/runs", method="POST")) for _ in range(ARRIVING)]
    await settle()
    other = asyncio.create_task(client.get())
    await settle()
    assert django.begun == ARRIVING + 1
    django.end.set()
    await asyncio.gather(*uploads, other)


async def test_a_slow_download_does_not_block_other_requests(django: Django, client: Client) -> None:
    reads = asyncio.Event()
    downloads = [asyncio.create_task(client.get("/admin/", reads=reads)) for _ in range(ARRIVING)]
    await settle()
    async with asyncio.timeout(10):
        [start, _] = await client.get()
    assert start["status"] == 200
    assert not any(download.done() for download in downloads)
    reads.set()
    await asyncio.gather(*downloads)


async def test_a_slow_request_delays_the_next_only_briefly(django: Django, client: Client) -> None:
    """A database that hangs for a while is not the user's fault."""
    limit = quotas().arrivals._limit
    given: list[float] = []
    give_back = limit.give_back
    limit.give_back = lambda key, *, rest=0.0: (given.append(rest), give_back(key, rest=rest))[1]  # type: ignore[method-assign]
    django.end.clear()
    slow = asyncio.create_task(client.get())
    await asyncio.sleep(2 * LONGEST_REST_SECONDS)
    django.end.set()
    await slow
    assert given == [LONGEST_REST_SECONDS]
