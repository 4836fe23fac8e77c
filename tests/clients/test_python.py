"""Python clients read our streams, used as their authors intended and with their default options."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final

import aiohttp
import httpx
import httpx2
import openai
import pytest
import requests_sse
from httpx_sse import connect_sse

from tests.clients.reading import answer_to, check_once, check_whole
from tests.faults.processes import Site, Upstream
from tests.faults.proxy import proxy
from tests.members import Member

PATIENCE_SECONDS: Final = 60
SAVED: Final = "/big size=900000"

Events = Iterator[tuple[str, str]]
Client = Callable[..., Events]


def by_httpx_sse(url: str, token: str, method: str, body: Any = None) -> Events:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers) as client, connect_sse(client, method, url, json=body) as source:
        for event in source.iter_sse():
            yield event.event, event.data


def by_httpx2(url: str, token: str, method: str, body: Any = None) -> Events:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(headers=headers) as client, client.sse(url, method=method, json=body) as source:
        for event in source:
            yield event.event, event.data


def by_openai(url: str, token: str, method: str, body: Any = None) -> Events:
    """It returns only the data of each event."""
    base_url, _, path = url.rpartition("/")
    with openai.OpenAI(base_url=base_url, api_key=token, max_retries=0) as client:
        ask = partial(client.post, body=body) if method == "POST" else client.get
        for data in ask(f"/{path}", cast_to=object, stream=True, stream_cls=openai.Stream[Any]):
            yield data["type"], json.dumps(data)


def by_requests_sse(url: str, token: str, method: str, body: Any = None, **options: Any) -> Events:
    headers = {"Authorization": f"Bearer {token}"}
    with requests_sse.EventSource(url, method=method, headers=headers, json=body, **options) as source:
        for event in source:
            yield event.type, event.data
            if event.type == "done":
                return


def by_aiohttp(url: str, token: str, method: str, body: Any = None) -> Events:
    """Line by line; aiohttp rejects very long lines."""

    async def read() -> list[tuple[str, str]]:
        fields: dict[str, str] = {}
        events = []
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.request(method, url, json=body, headers=headers) as response:
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                else:
                    events.append((fields["event"], fields["data"]))
                    fields = {}
        return events

    yield from asyncio.run(read())


CLIENTS: Final = {
    "httpx-sse": by_httpx_sse,
    "httpx2": by_httpx2,
    "openai": by_openai,
    "requests-sse": by_requests_sse,
    "aiohttp": by_aiohttp,
}
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


def post(site: Site, member: Member, path: str, body: Any) -> Any:
    headers = {**member.bearer, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.url}{path}", json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
        return json.load(response)


@each_client
def test_it_reads_a_complete_turn(client: Client, site: Site, alice: Member) -> None:
    prompt = f"/numbered count=40 {client.__name__}"
    check_whole(list(client(f"{site.url}/api/runs/stream", alice.token, "POST", {"text": prompt})), answer_to(prompt))


def test_no_client_gives_up_while_the_model_is_silent(site: Site, alice: Member, upstream: Upstream) -> None:
    """Longer than the five seconds that some of them wait by default. All run in parallel to save time."""
    heard = threading.Event()
    stream, wait = f"{site.url}/api/runs/stream", f"{site.url}/api/runs/wait"

    def follow(client: Client) -> None:
        prompt = f"/hold after=3 count=6 {client.__name__}"
        read = []
        for event in client(stream, alice.token, "POST", {"text": prompt}):
            read.append(event)
            # At the start, and after four and eight seconds.
            if [name for name, _ in read].count("ping") == 3:
                heard.set()
        check_whole(read, answer_to(prompt))

    def wait_for(library: Any) -> None:
        prompt = f"/hold after=3 count=6 {library.__name__}"
        response = library.post(wait, json={"text": prompt}, headers=alice.bearer)
        assert (response.status_code, response.json().get("error")) == (200, None)
        assert response.json()["text"] == answer_to(prompt)

    with ThreadPoolExecutor(len(CLIENTS) + 2) as pool:
        done = [pool.submit(follow, client) for client in CLIENTS.values()]
        done += [pool.submit(wait_for, library) for library in (httpx, httpx2)]
        try:
            assert heard.wait(PATIENCE_SECONDS)
        finally:
            upstream.release()
        for each in done:
            each.result(PATIENCE_SECONDS)


async def test_a_client_that_repeats_its_post_continues_its_run(site: Site, alice: Member, upstream: Upstream) -> None:
    prompt = "/big size=100000 requests-sse repeats"
    read: list[tuple[str, str]] = []
    async with proxy(site.port) as network:
        network.cut_after = 24_000

        def mended() -> None:
            network.cut_after = None

        def follow() -> None:
            url = f"http://127.0.0.1:{network.port}/api/runs/stream"
            quick = timedelta(milliseconds=1)
            options = {"on_error": mended, "reconnection_time": quick, "timeout": PATIENCE_SECONDS}
            read.extend(by_requests_sse(url, alice.token, "POST", {"text": prompt}, **options))

        await asyncio.to_thread(follow)
        assert network.cuts == 1
    check_whole(read, answer_to(prompt))
    check_once(site, upstream, prompt)


def test_a_post_repeated_after_the_end_gets_204(site: Site, alice: Member, upstream: Upstream) -> None:
    prompt = "/numbered count=3 requests-sse goes on"
    url = f"{site.url}/api/runs/stream"
    with requests_sse.EventSource(url, method="POST", headers=alice.bearer, json={"text": prompt}) as source:
        names = []
        with pytest.raises(requests_sse.InvalidStatusCodeError) as refused:
            names.extend(event.type for event in source)
    assert refused.value.status_code == 204
    refused.value.response.close()
    check_once(site, upstream, prompt)


@pytest.fixture(scope="module")
def saved(site: Site, alice: Member) -> str:
    """URL of the events of a run that only the database still has."""
    sent = post(site, alice, "/api/runs/wait", {"text": SAVED})
    site.stop()
    site.start()
    return f"{site.url}/api/runs/{sent['run_id']}/events"


@each_client
def test_it_reads_all_of_a_long_saved_answer(client: Client, alice: Member, saved: str) -> None:
    check_whole(list(client(saved, alice.token, "GET")), answer_to(SAVED))


def test_responses_without_a_body_have_no_body_headers(site: Site, alice: Member) -> None:
    made = post(site, alice, "/api/runs/wait", {"text": "/numbered count=3 to its end"})
    address = f"{site.url}/api/runs/{made['run_id']}/events"
    with httpx2.Client(headers=alice.bearer) as client:
        with client.sse(address) as source:
            last = list(source)[-1].id
        end = client.get(address, params={"after": last})
        head = client.head(address)
    about_a_body = {"content-length", "content-type", "transfer-encoding"}
    assert (end.status_code, about_a_body & set(end.headers)) == (204, set())
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "content-length" not in head.headers
